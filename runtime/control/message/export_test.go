package message

// NamesIn is for tests.
var NamesIn = namesIn

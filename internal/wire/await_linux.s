//go:build go1.26 && !go1.27

// That there is a file like this one allows functions without a body.

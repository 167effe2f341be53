package staticfiles

// nonBlocking is of no use where files and pipes have names of their own.
const nonBlocking = 0

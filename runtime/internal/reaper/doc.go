// Package reaper waits for processes that others have left to this one, as a
// container does to its first process: nobody else would, and each of them would
// keep its process id for ever. It looks every few seconds and takes only what was
// ended at two looks, because this process waits for its own children at once.
package reaper

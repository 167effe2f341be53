//go:build unix && !linux

package prefork_test

func execMain() int { return 1 }

//go:build !linux && !darwin

package socket

func peerOf(int) Peer { return Unknown }

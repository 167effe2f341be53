//go:build unix

package sockets

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

func (f *Frozen) add(s socket) error {
	d, err := s.dup()
	if err != nil {
		f.Discard()
		return err
	}
	f.Slots = append(f.Slots, d.fd)
	return nil
}

func (f *Frozen) addPackets(s packetSocket) error { return f.add(s.socket) }

// adopt makes sure that descriptor n is a listening socket, and takes it.
func adopt(n int) (socket, net.Addr, error) {
	unix.CloseOnExec(n)
	f := os.NewFile(uintptr(n), "slot")
	defer f.Close()
	return adoptFile(f)
}

func adoptFile(f *os.File) (socket, net.Addr, error) {
	ln, err := net.FileListener(f)
	if err != nil {
		return socket{}, nil, err
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		ln.Close()
		return socket{}, nil, fmt.Errorf("it is a %T, not a TCP listener", ln)
	}
	s, err := keepRaw(tcp)
	return s, tcp.Addr(), err
}

func adoptPackets(n int) (packetSocket, net.Addr, error) {
	unix.CloseOnExec(n)
	f := os.NewFile(uintptr(n), "slot")
	defer f.Close()
	pc, err := packetConnOf(f)
	if err != nil {
		return packetSocket{}, nil, err
	}
	addr := pc.LocalAddr()
	s, err := keepPackets(pc)
	return s, addr, err
}

func closeNumber(n int) { unix.Close(n) }

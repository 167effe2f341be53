package sockets

import (
	"errors"
	"net"
	"os"
)

func (f *Frozen) add(socket) error { return errors.ErrUnsupported }

func (f *Frozen) addPackets(packetSocket) error { return errors.ErrUnsupported }

func adopt(int) (socket, net.Addr, error) { return socket{}, nil, errors.ErrUnsupported }

func adoptPackets(int) (packetSocket, net.Addr, error) {
	return packetSocket{}, nil, errors.ErrUnsupported
}

func closeNumber(int) {}

func adoptFile(*os.File) (socket, net.Addr, error) { return socket{}, nil, errors.ErrUnsupported }

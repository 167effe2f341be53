package listener

import (
	"net"
	"time"
)

// ConnInfo is one open connection, as the inspector shows it.
type ConnInfo struct {
	// ID is unique within the server.
	ID uint64 `json:"id"`
	// Peer and Local are the two ends, as host:port.
	Peer  string `json:"peer"`
	Local string `json:"local"`
	// State, and since when. A body is since the first byte of its request.
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Opened is when it was accepted.
	Opened time.Time `json:"opened"`
	// Requests begun on it.
	Requests uint64 `json:"requests"`
	// BytesIn and BytesOut were read from and written to it.
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
	// Protocol is "http/1.1", "h2", "h3", or for a connection that a handler has
	// taken over "websocket" or "upgraded".
	Protocol string `json:"protocol"`
	// Request is the method and path of the request under way, the oldest of
	// several, legible and cut. Of HTTP/1.1 it is known only for what lasts:
	// streamed responses, and what took the connection over.
	Request string `json:"request,omitempty"`
}

// Connections lists the open connections that keep agrees to, all of them if it
// is nil, in no order. The server goes on meanwhile: each entry is what its
// connection was at some moment of the call.
func (s *Server) Connections(keep func(ConnInfo) bool) []ConnInfo {
	var conns []*conn
	s.conns.each(func(c *conn) { conns = append(conns, c) })
	infos := make([]ConnInfo, 0, len(conns))
	for _, c := range conns {
		if info := c.info(); keep == nil || keep(info) {
			infos = append(infos, info)
		}
	}
	for _, q := range s.quicServers() {
		q.each(func(c *quicConn) {
			if info := c.info(); keep == nil || keep(info) {
				infos = append(infos, info)
			}
		})
	}
	return infos
}

func (c *conn) info() ConnInfo {
	p := c.now()
	protocol, request := c.present()
	return ConnInfo{
		Protocol: protocol, Request: request,
		ID: c.id, Peer: addrString(c.RemoteAddr()), Local: addrString(c.LocalAddr()),
		State: p.state(), Since: timeOf(p.since()), Opened: timeOf(c.opened),
		Requests: c.requests.Load(), BytesIn: c.in.Load(), BytesOut: c.out.Load(),
	}
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// CloseConnection ends one connection at once, whatever it is doing, and says
// whether there was one with this ID.
func (s *Server) CloseConnection(id uint64) bool {
	if c := s.conns.find(id); c != nil {
		c.kill()
		return true
	}
	for _, q := range s.quicServers() {
		if c := q.find(id); c != nil {
			c.cut()
			return true
		}
	}
	return false
}

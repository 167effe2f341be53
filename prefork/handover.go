package prefork

import (
	"errors"
	"net"
	"os"
	"slices"
)

// SendConn hands a connection to another process, with what that one is to know of
// it. It does not block. done is called once, by any goroutine: without an error
// the connection is in other hands and must only be closed here.
type SendConn func(c net.Conn, about []byte, done func(error))

// AcceptConn takes over a connection that another process hands over, with what that
// one says of it. An error refuses it, and the caller closes it. The connection
// must not be touched before settle is called: with true it is to be served,
// with false it belongs to somebody else and is to be closed.
type AcceptConn func(c net.Conn, about []byte) (settle func(bool), err error)

var (
	errNobody     = errors.New("no other process accepts connections")
	errOverloaded = errors.New("all other processes are too busy")
)

// transfer is a connection on its way to its next process.
type transfer struct {
	from    *process // nil if it is this one
	giver   int      // its process id, and under which id it waits for the answer
	id      uint64
	conn    any // a net.Conn of this process, or the *os.File that a worker passed
	about   []byte
	done    func(error)
	refused []*process
	behind  bool // one was not asked because it does not keep up
}

// SendConn hands a connection of this process to a ready worker.
func (g *Group) SendConn(c net.Conn, about []byte, done func(error)) {
	g.hand(&transfer{conn: c, about: about, done: done})
}

// AcceptConns has take take over what workers hand over when no worker is ready:
// this process is to serve instead of them. It must not block.
func (g *Group) AcceptConns(take AcceptConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fallback = take
}

// handOver is called with a connection that p hands over. The file is nil if this
// process has no descriptor left for it.
func (g *Group) handOver(p *process, f frame, file *os.File) {
	if file == nil || len(f.Body) == 0 {
		p.reply(f.ID, errNobody)
		return
	}
	g.hand(&transfer{from: p, giver: p.pid(), id: f.ID, conn: file, about: f.Body, done: func(err error) {
		file.Close()
		p.reply(f.ID, err)
	}})
}

// reply answers a question of p.
func (p *process) reply(id uint64, err error) {
	r := frame{Kind: kindReply, ID: id}
	if err != nil {
		r.Error = err.Error()
	}
	p.link.send(outgoing{frame: r})
}

// hand offers a connection to one worker after the other. It stays open here
// until one has said that it has it, which that one does before it touches it.
func (g *Group) hand(x *transfer) {
	for {
		p := g.receiver(x)
		if p == nil {
			g.acceptHere(x)
			return
		}
		err := p.ask(outgoing{frame: frame{Kind: kindConn, Body: x.about}, conn: x.conn, transfer: x}, g.decided(p, x))
		if err == nil {
			return
		}
		g.answered(p)
		x.refused = append(x.refused, p)
		x.behind = x.behind || errors.Is(err, errNotReading)
	}
}

// decided hears whether p takes what was given.
func (g *Group) decided(p *process, x *transfer) func(frame, error) {
	return func(f frame, err error) {
		g.answered(p)
		if errors.Is(err, errUnsendable) { // to nobody else, either
			x.done(err)
			return
		}
		if replyError(f, err) != nil {
			x.refused = append(x.refused, p)
			g.hand(x)
			return
		}
		x.done(nil)
	}
}

// transferOf is what another program had offered to p, on behalf of a worker.
func (g *Group) transferOf(p *process, o FrozenCall) call {
	f := file(o.Conn, "connection")
	p.offered++
	x := &transfer{giver: o.Giver, id: o.Give, conn: f, about: o.About, done: func(err error) {
		f.Close()
		if giver := g.find(o.Giver); giver != nil {
			giver.reply(o.Give, err)
		}
	}}
	return call{outgoing{frame: frame{Kind: kindConn, Body: o.About}, conn: f, transfer: x}, g.decided(p, x)}
}

// maxOffered is how many connections a worker may have on its way before others
// are preferred to it.
const maxOffered = 64

// receiver chooses who is asked next: the one that took the place of the giver,
// so that a restart moves connections from old to new, else the one with the
// fewest offers under way, each in turn.
func (g *Group) receiver(x *transfer) (best *process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	can := func(p *process) bool {
		return p != nil && p.serves() && p != x.from && !slices.Contains(x.refused, p)
	}
	if x.from != nil {
		if next := x.from.place.current; can(next) && next.offered < maxOffered {
			next.offered++
			return next
		}
	}
	g.turns++
	for i := range g.procs {
		if p := g.procs[(g.turns+i)%len(g.procs)]; can(p) && (best == nil || p.offered < best.offered) {
			best = p
		}
	}
	if best != nil {
		best.offered++
	}
	return best
}

func (g *Group) answered(p *process) {
	g.mu.Lock()
	p.offered--
	g.mu.Unlock()
}

// acceptHere gives a connection that no worker takes to this process, if it serves.
func (g *Group) acceptHere(x *transfer) {
	g.mu.Lock()
	fallback := g.fallback
	g.mu.Unlock()
	file, passed := x.conn.(*os.File)
	switch {
	case x.behind:
		x.done(errOverloaded)
	case fallback == nil || !passed:
		x.done(errNobody)
	default:
		x.done(takeFile(fallback, file, x.about))
	}
}

func takeFile(take AcceptConn, file *os.File, about []byte) error {
	c, err := net.FileConn(file)
	if err != nil {
		return err
	}
	settle, err := take(c, about)
	if err != nil {
		c.Close()
		return err
	}
	settle(true)
	return nil
}

// takers reports whether somebody would take connections. mu is held.
func (g *Group) takers() bool {
	return g.fallback != nil || slices.ContainsFunc(g.procs, func(p *process) bool { return p.serves() })
}

package listener

import "sync"

// table holds the open connections, in shards so that connections opening and
// closing at the same time rarely meet. Requests never touch it.
type table struct {
	shards [32]shard
}

type shard struct {
	mu    sync.Mutex
	conns []*conn
	_     [64]byte // keeps neighbours off each other's cache line
}

func (t *table) shard(id uint64) *shard { return &t.shards[id%uint64(len(t.shards))] }

func (t *table) add(c *conn) {
	s := t.shard(c.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.place = len(s.conns)
	s.conns = append(s.conns, c)
}

func (t *table) remove(c *conn) {
	s := t.shard(c.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.conns) - 1
	s.conns[c.place] = s.conns[last]
	s.conns[c.place].place = c.place
	s.conns[last] = nil
	s.conns = s.conns[:last]
}

// each calls fn for every connection; a shard is locked meanwhile.
func (t *table) each(fn func(*conn)) {
	for i := range t.shards {
		t.shards[i].each(fn)
	}
}

func (s *shard) each(fn func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		fn(c)
	}
}

// find gives nil if there is no such connection.
func (t *table) find(id uint64) *conn {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

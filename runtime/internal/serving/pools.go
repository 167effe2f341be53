package serving

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// lender is a pool and what it was configured by.
type lender struct {
	*pool.Pool
	config pool.Config
}

// preparePools returns the pools of to, made anew where needed and brought up
// to date where they exist. undo takes that back.
func (s *Service) preparePools(to Settings) (pools map[string]*lender, undo func(), err error) {
	pools = map[string]*lender{}
	var undos []func()
	undo = func() {
		for _, f := range undos {
			f()
		}
	}
	for name, c := range to.Pools {
		want := poolConfig(name, c, to.Cells, s.board)
		want.OnFailure = s.failures.of(name)
		if p := s.pools[name]; p != nil {
			if err := p.Update(want); err != nil {
				undo()
				return nil, nil, fmt.Errorf("pool %s: %w", name, err)
			}
			undos = append(undos, func() { p.Update(p.config) }) // was valid a moment ago
			pools[name] = &lender{p.Pool, want}
			continue
		}
		p, err := pool.New(want)
		if err != nil {
			undo()
			return nil, nil, fmt.Errorf("pool %s: %w", name, err)
		}
		undos = append(undos, func() { p.Close() })
		pools[name] = &lender{p, want}
	}
	return pools, undo, nil
}

// poolCloseDelay is how long a removed pool still lends: a request may have been
// routed to it the moment before.
const poolCloseDelay = 5 * time.Second

// retire swaps in the new pools and closes those that no route uses any more.
func (s *Service) retire(pools map[string]*lender) {
	for name, old := range s.pools {
		if pools[name] == nil {
			time.AfterFunc(poolCloseDelay, func() { old.Close() })
		}
	}
	s.pools = pools
}

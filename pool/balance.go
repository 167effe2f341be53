package pool

import "math/rand/v2"

// pick chooses the backend for the next attempt of x, or returns nil. busy then
// tells a backend worth waiting for, nil if there is none. p.mu is held.
func (p *Pool) pick(x *exchange) (chosen, busy *backend) {
	// Backends that are up first; those that are down only if no other exists,
	// the one whose pause ends soonest.
	var anyUp bool
	var soonest *backend
	for _, b := range p.backends {
		if x.hasTried(b) {
			continue
		}
		if b.down() {
			if soonest == nil || b.downUntil.Before(soonest.downUntil) {
				soonest = b
			}
			continue
		}
		anyUp = true
		if p.full(x, b) {
			busy = b
		}
	}
	if anyUp {
		chosen = p.balance(x)
		return chosen, busy
	}
	if soonest != nil && p.full(x, soonest) {
		return nil, soonest
	}
	return soonest, nil
}

// full reports whether b has no permit left for x, which may be nil. A quarter of
// all is kept for requests that have arrived whole: clients that take their time
// to send a body leave something for all others.
func (p *Pool) full(x *exchange, b *backend) bool {
	room := p.room(b)
	if x != nil && x.uploads() && room > 1 && b.uploads >= room-max(room/4, 1) {
		return true
	}
	return b.used >= room
}

// ready reports whether b may be balanced to.
func (p *Pool) ready(x *exchange, b *backend) bool {
	return !b.down() && !p.full(x, b) && !x.hasTried(b)
}

func (p *Pool) balance(x *exchange) *backend {
	switch p.config.Balance {
	case RoundRobin:
		return p.nextTurn(x, nil)
	case Random:
		return p.draw(x)
	}
	least := p.leastUsed(x)
	if least == nil {
		return nil
	}
	return p.nextTurn(x, least)
}

// leastUsed returns a backend with the least connections in use for its weight.
func (p *Pool) leastUsed(x *exchange) (least *backend) {
	for _, b := range p.backends {
		if p.ready(x, b) && (least == nil || b.used*least.weight < least.used*b.weight) {
			least = b
		}
	}
	return least
}

// nextTurn returns the backend whose turn it is, among those as loaded as like
// if that is given. Everyone gains its weight, the richest is taken and pays
// what was handed out, so turns come in proportion and interleaved.
func (p *Pool) nextTurn(x *exchange, like *backend) (next *backend) {
	sum := 0
	for _, b := range p.backends {
		if !p.ready(x, b) || like != nil && b.used*like.weight != like.used*b.weight {
			continue
		}
		b.turn += b.weight
		sum += b.weight
		if next == nil || b.turn > next.turn {
			next = b
		}
	}
	if next != nil {
		next.turn -= sum
	}
	return next
}

func (p *Pool) draw(x *exchange) *backend {
	sum := 0
	for _, b := range p.backends {
		if p.ready(x, b) {
			sum += b.weight
		}
	}
	if sum == 0 {
		return nil
	}
	n := rand.IntN(sum)
	for _, b := range p.backends {
		if !p.ready(x, b) {
			continue
		}
		if n -= b.weight; n < 0 {
			return b
		}
	}
	return nil
}

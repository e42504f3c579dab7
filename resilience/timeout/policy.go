// Package timeout sets the deadlines of calls, and gives each hop of a chain of calls its share of the first caller's
// time.
//
// A caller that waits a second for a service, which waits a second for the next one, does not learn in time why a call
// fails. With a share of 0.9 a service that has a second left gives its own calls 0.9 s, and has 0.1 s to answer when
// they fail. Shares multiply: three hops of 0.9 leave 0.73 of the first caller's time.
package timeout

import (
	"fmt"
	"time"
)

// The defaults of Share and Keep.
const (
	DefaultShare = 0.9
	DefaultKeep  = time.Millisecond
)

// Policy is the algorithm, from deadlines to a deadline. It is a plain value, does not read the clock, and is safe for
// concurrent use. A zero time means no deadline.
type Policy struct {
	Share   float64       // of the time that the inbound call has left; above 0, at most 1
	Keep    time.Duration // of that time, the least that is kept back
	Default time.Duration // of calls that have no other deadline; 0: none
	Least   time.Duration // a call with that much time left, or less, is refused
}

// Validate returns what is wrong with the policy.
func (p *Policy) Validate() error {
	switch {
	case !(p.Share > 0 && p.Share <= 1): // in this form for NaN
		return fmt.Errorf("timeout: Share: %v is not above 0 and at most 1", p.Share)
	case p.Keep < 0:
		return fmt.Errorf("timeout: Keep: %v is negative", p.Keep)
	case p.Default < 0:
		return fmt.Errorf("timeout: Default: %v is negative", p.Default)
	case p.Least < 0:
		return fmt.Errorf("timeout: Least: %v is negative", p.Least)
	}
	return nil
}

// Outgoing returns the deadline of a call that a client begins now: the earliest of its own, the method's timeout and
// the share of the inbound call's time. Cut reports whether it is that share, and so earlier than the others and the
// inbound call's deadline.
func (p *Policy) Outgoing(now, own, inbound time.Time, method time.Duration) (deadline time.Time, cut bool) {
	deadline = own
	if method > 0 {
		deadline = earlier(deadline, now.Add(method))
	}
	if !inbound.IsZero() {
		// The time left may be negative, and a share of that would be a later time.
		left := inbound.Sub(now)
		if left > 0 {
			left = min(time.Duration(float64(left)*p.Share), left-p.Keep)
		}
		shared := now.Add(left)
		cut = shared.Before(inbound) && (deadline.IsZero() || shared.Before(deadline))
		deadline = earlier(deadline, shared)
	}
	if deadline.IsZero() && p.Default > 0 {
		deadline = now.Add(p.Default)
	}
	return deadline, cut
}

// Inbound returns the deadline of a call that arrives at a server now: the one that came with it, or else the method's
// timeout, or else the default.
func (p *Policy) Inbound(now, own time.Time, method time.Duration) time.Time {
	switch {
	case !own.IsZero():
		return own
	case method > 0:
		return now.Add(method)
	case p.Default > 0:
		return now.Add(p.Default)
	}
	return time.Time{}
}

// Late reports whether a call with that deadline should be refused now.
func (p *Policy) Late(now, deadline time.Time) bool {
	return !deadline.IsZero() && deadline.Sub(now) <= p.Least
}

func earlier(t, u time.Time) time.Time {
	if t.IsZero() || u.Before(t) {
		return u
	}
	return t
}

package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/protocol"
)

// How often an attempt is repeated without anybody noticing (RFC 9113, section 8.7, and the transparent retries of
// gRPC's retry design, https://github.com/grpc/proposal/blob/master/A6-client-retries.md): as often as this when
// nothing was sent, once when the peer says that it did not run the call.
const (
	maxUnsent  = 3
	maxRefused = 1
)

// roundTrip runs one attempt on a connection to n, or to another node if n has none any more.
func (m *method) roundTrip(ctx context.Context, call *fairlead.Call, n *node) error {
	err := protocol.ErrFull
	if n.pool.waiting.Load() == 0 { // behind others there is no room
		if k := n.pool.choose(); k != nil {
			err = m.try(ctx, call, n, k, nil)
		}
	}
	if err != nil {
		return m.repeat(ctx, call, n, err, nil)
	}
	return nil
}

// Resume implements protocol.Resumer: it finds other connections for a stream that was not processed. Middleware of
// the attempt has returned already and does not notice.
func (m *method) Resume(
	ctx context.Context, call *fairlead.Call, cause error, open func(protocol.ClientConn) error,
) error {
	p := call.Wire().Picked()
	n, ok := p.Node.(*node)
	if !ok {
		return cause
	}
	return m.repeat(ctx, call, n, cause, open)
}

// repeat waits for room and repeats what may be repeated, with open if that is not nil.
func (m *method) repeat(
	ctx context.Context, call *fairlead.Call, n *node, err error, open func(protocol.ClientConn) error,
) error {
	c := m.client
	var avoid []*balance.Node
	for unsent, refused, front := 0, 0, false; ; {
		var k *conn
		if errors.Is(err, protocol.ErrFull) {
			var over error
			if k, over = n.pool.queue(ctx, call, front); over != nil {
				return over
			}
			front = true
		} else {
			switch repeatable(err) {
			case fairlead.NotSent:
				unsent++
			case fairlead.Refused:
				refused++
			default:
				return err
			}
			if unsent > maxUnsent || refused > maxRefused || c.over(ctx, call) {
				return err
			}
			clean(call)
			avoid = append(avoid, &n.Node)
			next, failed := c.await(ctx, call, avoid, nil, nil)
			if failed != nil {
				return failed
			}
			n, front = next, false
			call.Wire().SetPicked(&n.picked)
		}
		if k == nil {
			k = n.pool.choose()
		}
		for k == nil && !n.pool.allBusy() {
			next, failed := c.await(ctx, call, avoid, nil, nil)
			if failed != nil {
				return failed
			}
			n, front = next, false
			call.Wire().SetPicked(&n.picked)
			k = n.pool.choose()
		}
		if k == nil {
			err = protocol.ErrFull
			continue
		}
		if err = m.try(ctx, call, n, k, open); err == nil {
			return nil
		}
		if n.pool.stale(k, err) {
			unsent-- // the next one is another, and there are only so many
		}
	}
}

// repeatable returns NotSent or Refused for an error after which the attempt may be repeated, Unknowable for any other.
// What failed here for the call's own sake, such as a message too long, would fail again.
func repeatable(err error) fairlead.Reach {
	var e *fairlead.Error
	if !errors.As(err, &e) || e.Reach == fairlead.NotSent && e.Code != fairlead.Unavailable {
		return fairlead.Unknowable
	}
	return e.Reach
}

// clean removes from the call what an attempt that failed may have left.
func clean(call *fairlead.Call) {
	call.SetResponse(nil)
	*call.ResponseHeader() = fairlead.Metadata{}
	*call.ResponseTrailer() = fairlead.Metadata{}
}

// latencySample is the number of calls of which one is timed when nobody observes them. A power of two.
const latencySample = 8

// latencyWeight is the part by which a new latency moves the average.
const latencyWeight = 8

// try runs the attempt on one connection, which open, if it is not nil, opens the stream on. A connection that was
// taken out of its pool is back when it returns.
func (m *method) try(
	ctx context.Context, call *fairlead.Call, n *node, k *conn, open func(protocol.ClientConn) error,
) (err error) {
	if n.pool.serial {
		defer n.pool.checkIn(k, &err) // deferred because a codec may panic
	}
	if s := m.client.state.Load(); open != nil {
		err = open(k.ClientConn)
	} else if s.measure {
		err = m.measured(ctx, call, s, n, k)
	} else if err = m.send(ctx, call, k); err == nil && !m.unary {
		resumable(call, m)
	}
	if !k.served.Load() && (err == nil && !m.oneWay || err != nil && fairlead.ErrorOf(err).FromPeer()) {
		n.pool.answered(k)
	}
	if n.pool.waiting.Load() > 0 && m.unary {
		n.pool.callNext()
	}
	return err
}

func (m *method) send(ctx context.Context, call *fairlead.Call, k *conn) error {
	if m.unary {
		return k.Unary(ctx, m.bind, call)
	}
	return k.Open(ctx, m.bind, call)
}

// resumable registers r for the case that the stream that was opened has to go elsewhere.
func resumable(call *fairlead.Call, r protocol.Resumer) {
	if d, ok := call.Wire().Driver().(protocol.Resumable); ok {
		d.SetResumer(r)
	}
}

// figured counts an open stream in its node's figures.
type figured struct {
	method *method
	state  *snapshot
	node   *node
	begun  time.Time
}

// Resume implements protocol.Resumer: a stream that goes on elsewhere is in the other node's figures.
func (st *figured) Resume(
	ctx context.Context, call *fairlead.Call, cause error, open func(protocol.ClientConn) error,
) error {
	if err := st.method.Resume(ctx, call, cause, open); err != nil {
		return err
	}
	st.state.ended(call, st.node, st.begun, cause, false)
	if n, ok := call.Wire().Picked().Node.(*node); ok {
		st.node = n
	}
	st.node.Inflight.Add(1)
	if !st.begun.IsZero() {
		st.begun = time.Now()
	}
	return nil
}

func (st *figured) end(_ context.Context, call *fairlead.Call, err error) {
	st.state.ended(call, st.node, st.begun, err, false)
}

// measured is send with the node's figures kept: the attempts under way, the latency of unary calls that succeed, and
// what observers want to know of every attempt at its true end.
func (m *method) measured(ctx context.Context, call *fairlead.Call, s *snapshot, n *node, k *conn) error {
	n.Inflight.Add(1)
	var begun time.Time
	if len(s.observers) > 0 || m.unary && sampled() {
		begun = time.Now()
	}
	returned := false
	defer func() {
		if !returned {
			n.Inflight.Add(-1)
		}
	}()
	err := m.send(ctx, call, k)
	returned = true
	if err == nil && !m.unary {
		st := &figured{method: m, state: s, node: n, begun: begun}
		call.OnEnd(st.end)
		resumable(call, st)
		return nil
	}
	s.ended(call, n, begun, err, m.unary && !m.oneWay) // a server may take its time after what was one-way
	return err
}

func sampled() bool { return rand.Uint32()%latencySample == 0 } //nolint:gosec // it need not be a secret

// ended takes an attempt out of the node's figures. With timed, its time counts as the node's latency if it succeeded.
func (s *snapshot) ended(call *fairlead.Call, n *node, begun time.Time, err error, timed bool) {
	n.Inflight.Add(-1)
	if begun.IsZero() || errors.Is(err, protocol.ErrFull) { // that one was none
		return
	}
	took := time.Since(begun)
	if timed && err == nil {
		mean := n.Latency.Load()
		if mean == 0 {
			mean = int64(took)
		}
		n.Latency.Store(max(1, mean+(int64(took)-mean)/latencyWeight))
	}
	for _, o := range s.observers {
		o.Observe(&n.Node, call, took, err)
	}
}

package fairlead

import (
	"context"
	"slices"
)

// WireCall is a [Call] as protocols, clients and servers see it: its methods start and end the call, set where it goes,
// and return those of the caller's options that they carry out. Middleware and handlers rarely need it. It is the Call
// itself under another type, so that Call.Wire costs nothing.
//
// Its methods are for the goroutine that runs the call; Cancel and Tried are safe for concurrent use.
type WireCall Call

// Wire returns the call as protocols, clients and servers see it.
func (c *Call) Wire() *WireCall { return (*WireCall)(c) }

// SetPeer sets what Call.Peer returns. Protocols call it as soon as they know the connection, and middleware that
// identifies the peer by something other than its certificate sets a copy with the Identity.
func (w *WireCall) SetPeer(p *Peer) { w.peer = p }

// SetDriver sets the driver. A client calls it when it takes the call, and the client's protocol before SetStream.
func (w *WireCall) SetDriver(d Driver) { w.driver = d }

// Driver returns the driver, nil before SetDriver. A client puts a driver of its own around a stream's.
func (w *WireCall) Driver() Driver { return w.driver }

// SetStream sets the stream and applies the wrappers registered with Call.WrapStream so far.
func (w *WireCall) SetStream(s Stream) {
	if w.rare != nil {
		for i := len(w.rare.wraps) - 1; i >= 0; i-- {
			s = w.rare.wraps[i](s)
		}
	}
	w.stream = s
}

// Reply returns what a client's protocol decodes the response into: the caller's own object (WithReply) or a new
// message.
func (w *WireCall) Reply() any {
	if w.rare != nil && w.rare.reply != nil {
		return w.rare.reply
	}
	if w.method.NewResponse == nil {
		return new(Raw)
	}
	return w.method.NewResponse()
}

// Compresses reports whether the messages sent from now on are to be compressed (Call.SetCompress).
func (w *WireCall) Compresses() bool { return !(*Call)(w).view().plain }

// SetReceivedCompressed sets what Call.ReceivedCompressed returns for the message received last.
func (w *WireCall) SetReceivedCompressed(compressed bool) { (*Call)(w).view().inflated = compressed }

// Compressor returns the name of the compressor that the caller wants for the request (WithCompressor), "" for the
// client's default.
func (w *WireCall) Compressor() string {
	if w.rare == nil {
		return ""
	}
	return w.rare.compressor
}

// MessageLimits returns the caller's limits for messages received and sent (WithRecvLimit, WithSendLimit), in bytes;
// 0 means the client's own.
func (w *WireCall) MessageLimits() (recv, send int) {
	if w.rare == nil {
		return 0, 0
	}
	return w.rare.recvLimit, w.rare.sendLimit
}

// HashKey returns the key for consistent hashing (WithHashKey), "" for none. Clients hand it to their balancer.
func (w *WireCall) HashKey() string {
	if w.rare == nil {
		return ""
	}
	return w.rare.hashKey
}

// WaitForReady reports whether the call waits for a connection (WithWaitForReady); byDefault is the client's default.
func (w *WireCall) WaitForReady(byDefault bool) bool {
	if w.wait == waitDefault {
		return byDefault
	}
	return w.wait == waitYes
}

// DeadlineNote returns the text of the note that TightenFor was given with the deadline in force, "" for a deadline
// without one, or if the note panics. Clients add it to the error of a call whose deadline has passed.
func (w *WireCall) DeadlineNote(ctx context.Context) (text string) {
	if w.note == nil {
		return ""
	}
	defer func() {
		if p := recover(); p != nil {
			_ = (*Call)(w).reportPanic("a DeadlineNote", p)
			text = ""
		}
	}()
	return w.note(ctx, (*Call)(w))
}

// Picked returns where this attempt goes, nil before an instance was picked.
func (w *WireCall) Picked() *Picked { return w.picked }

// SetPicked sets where this attempt goes, and the peer.
func (w *WireCall) SetPicked(p *Picked) {
	w.picked, w.peer = p, &p.Peer
	if w.rare == nil || w.rare.trail == nil {
		return
	}
	t := w.rare.trail
	t.mu.Lock()
	t.tried = append(t.tried, p)
	t.mu.Unlock()
}

// Tried returns where the attempts of the call have gone so far, including those in progress; nil during the first.
func (w *WireCall) Tried() []*Picked {
	if w.rare == nil || w.rare.trail == nil {
		return nil
	}
	t := w.rare.trail
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.tried)
}

// Another returns a copy of a client's call for one more attempt. The copy has its own response, received metadata and
// end functions, and a copy of the request's header. The client calls End on it when the attempt is over.
func (w *WireCall) Another() *Call {
	r := (*Call)(w).needRare()
	if r.trail == nil {
		r.trail = new(trail)
		if w.picked != nil {
			r.trail.tried = append(r.trail.tried, w.picked)
		}
	}
	a := &Call{
		method:    w.method,
		driver:    w.driver,
		request:   w.request,
		deadline:  w.deadline,
		note:      w.note,
		reqHeader: w.reqHeader.Clone(),
		side:      w.side,
		crit:      w.crit,
		idem:      w.idem,
		wait:      w.wait,
		attempt:   w.attempt + 1,
		plain:     w.plain,
	}
	a.rare = &rareCall{
		// Clipped: attempts that run side by side append to lists of their own.
		wraps: slices.Clip(r.wraps), values: slices.Clip(r.values),
		trail: r.trail, hashKey: r.hashKey, compressor: r.compressor,
		recvLimit: r.recvLimit, sendLimit: r.sendLimit,
	}
	return a
}

// Adopt copies to the call what its attempt a has received: response, stream, metadata and peer. Metadata that the
// attempt's stream receives later is set on the call as well.
func (w *WireCall) Adopt(a *Call) {
	w.resp, w.stream, w.peer, w.attempt = a.resp, a.stream, a.peer, a.attempt
	w.picked = a.picked
	if a.driver != nil {
		w.driver = a.driver
	}
	w.respHeader, w.trailer, w.inflated = a.respHeader, a.trailer, a.inflated
	if c := (*Call)(w); a.stream != nil && a != c {
		a.needRare().adopter = c
	}
}

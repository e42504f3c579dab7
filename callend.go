package fairlead

import "context"

// PanicReporter is implemented by Drivers that log and count panics of functions that a call runs, such as those of
// Call.OnEnd.
type PanicReporter interface {
	// ReportPanic is called by the goroutine that panics, before its stack is unwound. What names the function that
	// panicked; a nil value means runtime.Goexit. ReportPanic returns the error, with the code Internal, for a call that
	// had succeeded.
	ReportPanic(c *Call, what string, value any) *Error
}

// End ends the call with its final error, nil for success: it calls the functions registered with Call.OnEnd, last
// registered first, fills the CallInfo of WithInfo, and cancels the context of a server's call. Only the first End
// counts. It returns the error that the call has ended with: err, or another one if err is nil and a function of OnEnd
// panics.
func (w *WireCall) End(ctx context.Context, err error) error {
	if !w.ended.CompareAndSwap(false, true) {
		return err
	}
	c := (*Call)(w)
	if c.nEnds > 0 {
		if err != nil {
			err = usable(err)
		}
		left := ends{own: int(c.nEnds), err: err}
		if c.rare != nil {
			left.rest = len(c.rare.ends)
		}
		c.runEnds(ctx, &left)
		err = left.err
	}
	c.over()
	return err
}

// over does what follows the end functions.
func (c *Call) over() {
	if c.rare != nil && c.rare.info != nil {
		*c.rare.info = CallInfo{Header: c.respHeader, Trailer: c.trailer, Peer: c.peer, Attempts: int(c.attempt) + 1}
	}
	c.Wire().Cancel(context.Canceled)
}

// ends counts the end functions of a call that have not been called: first those in rareCall, then those in Call.
type ends struct {
	rest, own int
	err       error // the call's
}

// runEnds calls the remaining end functions. If one panics, the others are called as well, and the process does not
// end: middleware that might recover has returned already.
func (c *Call) runEnds(ctx context.Context, left *ends) {
	for none := false; !none; {
		none = c.runEndsUntilPanic(ctx, left)
	}
}

// runEndsUntilPanic calls the end functions up to the first that panics. It returns true if none is left.
func (c *Call) runEndsUntilPanic(ctx context.Context, left *ends) (none bool) {
	defer func() {
		if none {
			return
		}
		p := recover()
		if e := c.reportPanic("a function of Call.OnEnd", p); left.err == nil {
			left.err = e
		}
		if p == nil { // runtime.Goexit: nothing but deferred functions runs from here on
			c.runEnds(ctx, left)
			c.over()
		}
	}()
	for left.rest > 0 {
		left.rest--
		c.rare.ends[left.rest](ctx, c, left.err)
	}
	for left.own > 0 {
		left.own--
		c.ends[left.own](ctx, c, left.err)
	}
	return true
}

// reportPanic reports a panic, and returns the error for a call that had succeeded.
func (c *Call) reportPanic(what string, value any) *Error {
	if r, ok := c.driver.(PanicReporter); ok {
		return r.ReportPanic(c, what, value)
	}
	if value == nil {
		return Errorf(Internal, "%s called runtime.Goexit", what)
	}
	return Errorf(Internal, "%s panicked: %s", what, panicText(value))
}

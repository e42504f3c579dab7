package fairlead

import "time"

// CallInfo receives what came back besides the response. It is filled when the call ends: see WithInfo.
type CallInfo struct {
	Header   Metadata
	Trailer  Metadata
	Peer     *Peer
	Attempts int
}

// CallOption changes one call. It is a plain value, so that options cost no allocation.
type CallOption struct {
	kind optionKind
	n    int64
	k, v string
	p    any
}

type optionKind uint8

const (
	optTimeout optionKind = iota + 1
	optHeader
	optHashKey
	optInfo
	optIdempotency
	optCriticality
	optReply
	optValue
	optWaitForReady
	optCompressor
	optRecvLimit
	optSendLimit
)

// WithTimeout limits the call to d from now. The earliest of this deadline, the context's, the method's and, for a call
// made on behalf of another, that call's share (preset.DeadlineShare) is used.
func WithTimeout(d time.Duration) CallOption { return CallOption{kind: optTimeout, n: int64(d)} }

// WithHeader adds a pair to the request's metadata.
func WithHeader(key, value string) CallOption { return CallOption{kind: optHeader, k: key, v: value} }

// WithHashKey sets the key for consistent hashing, such as a user's name. It is for balancers that hash; the balancers
// of this repository do not.
func WithHashKey(key string) CallOption { return CallOption{kind: optHashKey, k: key} }

// WithInfo sets what is filled when the call ends. A stream ends when Recv returns its last error, or with Close.
func WithInfo(into *CallInfo) CallOption { return CallOption{kind: optInfo, p: into} }

// WithIdempotency overrides the method's idempotency for this call; Call.Idempotency returns it.
func WithIdempotency(i Idempotency) CallOption { return CallOption{kind: optIdempotency, n: int64(i)} }

// WithCriticality overrides the method's class for this call; Call.Criticality returns it. Protocol gRPC does not send
// it to the server yet.
func WithCriticality(c Criticality) CallOption { return CallOption{kind: optCriticality, n: int64(c)} }

// WithReply sets what a unary call's response is decoded into: target is a pointer to a message, which the codec resets
// first. After an error its content is undefined. If not the first attempt but a later one succeeds, the response is
// another object.
func WithReply(target any) CallOption { return CallOption{kind: optReply, p: target} }

// WithValue adds v to the call for middleware, which finds it by its type with OptionValue.
func WithValue(v any) CallOption { return CallOption{kind: optValue, p: v} }

// WithWaitForReady sets whether the call waits for a connection until its deadline. Otherwise it fails as soon as no
// connection can be made. Default: the client's (client.WaitForReady), which is to fail.
func WithWaitForReady(wait bool) CallOption {
	o := CallOption{kind: optWaitForReady}
	if wait {
		o.n = 1
	}
	return o
}

// WithCompressor sets the compressor for the requests: the name of one of the client's, or "identity" for none.
// Default: the client's (client.Compress).
func WithCompressor(name string) CallOption { return CallOption{kind: optCompressor, k: name} }

// WithRecvLimit limits messages received by this call to n bytes. Default: the client's (client.MaxRecvMessage).
func WithRecvLimit(n int) CallOption { return CallOption{kind: optRecvLimit, n: int64(n)} }

// WithSendLimit limits messages sent by this call to n bytes. Default: the client's (client.MaxSendMessage).
func WithSendLimit(n int) CallOption { return CallOption{kind: optSendLimit, n: int64(n)} }

func (o *CallOption) apply(c *Call) {
	switch o.kind {
	case optTimeout:
		c.Tighten(time.Now().Add(time.Duration(o.n)))
	case optHeader:
		c.reqHeader.Add(o.k, o.v)
	case optHashKey:
		c.needRare().hashKey = o.k
	case optInfo:
		c.needRare().info, _ = o.p.(*CallInfo)
	case optIdempotency:
		c.idem = Idempotency(o.n)
	case optCriticality:
		c.crit = Criticality(o.n)
	case optReply:
		c.needRare().reply = o.p
	case optValue:
		r := c.needRare()
		r.values = append(r.values, o.p)
	case optWaitForReady:
		c.wait = waitNo
		if o.n == 1 {
			c.wait = waitYes
		}
	case optCompressor:
		c.needRare().compressor = o.k
	case optRecvLimit:
		c.needRare().recvLimit = int(o.n)
	case optSendLimit:
		c.needRare().sendLimit = int(o.n)
	}
}

// OptionValue returns the value of type T that WithValue has added to the call, and reports whether there is one.
func OptionValue[T any](c *Call) (T, bool) {
	if c.rare != nil {
		for _, v := range c.rare.values {
			if t, ok := v.(T); ok {
				return t, true
			}
		}
	}
	var zero T
	return zero, false
}

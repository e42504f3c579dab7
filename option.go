package fairlead

import "time"

// CallInfo receives what came back beside the response. It is filled when the call ends.
type CallInfo struct {
	Header   Metadata
	Trailer  Metadata
	Peer     *Peer
	Attempts int
}

// CallOption changes one call. It is a plain value, so that passing some costs no allocation.
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

// WithTimeout limits the call to d from now. The context's deadline and the method's timeout count as well, and for a
// call that is made on behalf of another the share of that one's time (preset.DeadlineShare): the earliest wins.
func WithTimeout(d time.Duration) CallOption { return CallOption{kind: optTimeout, n: int64(d)} }

// WithHeader adds a pair to the request's metadata.
func WithHeader(key, value string) CallOption { return CallOption{kind: optHeader, k: key, v: value} }

// WithHashKey gives the key for consistent hashing, such as a user's name. It is for balancers that hash; those of this
// repository do not yet.
func WithHashKey(key string) CallOption { return CallOption{kind: optHashKey, k: key} }

// WithInfo has into filled when the call ends; for a stream that is when Recv returned its last error, or Close.
func WithInfo(into *CallInfo) CallOption { return CallOption{kind: optInfo, p: into} }

// WithIdempotency overrides the method's idempotency for this call, which Call.Idempotency then returns.
func WithIdempotency(i Idempotency) CallOption { return CallOption{kind: optIdempotency, n: int64(i)} }

// WithCriticality overrides the method's class for this call, which Call.Criticality then returns. Protocol gRPC does
// not send it to the server yet.
func WithCriticality(c Criticality) CallOption { return CallOption{kind: optCriticality, n: int64(c)} }

// WithReply has a unary call's response decoded into target, a pointer to a message; the codec resets it first. After
// an error its content is undefined. When an attempt other than the call's first answered, the response is another
// object.
func WithReply(target any) CallOption { return CallOption{kind: optReply, p: target} }

// WithValue puts v on the call for middleware, which finds it by its type with OptionValue.
func WithValue(v any) CallOption { return CallOption{kind: optValue, p: v} }

// WithWaitForReady decides whether the call waits for a connection until its deadline or fails as soon as none can be
// made. Default: the client's (client.WaitForReady), which by default fails fast.
func WithWaitForReady(wait bool) CallOption {
	o := CallOption{kind: optWaitForReady}
	if wait {
		o.n = 1
	}
	return o
}

// WithCompressor has the requests compressed by the named compressor of the client, or by none if it is "identity".
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

// OptionValue returns the value of type T that WithValue put on the call.
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

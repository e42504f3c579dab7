package grpcgo

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// callContext is the context of a grpc-go handler. It makes metadata and peer when somebody asks for them, so that
// handlers that never do pay nothing.
type callContext serverCall

// contextKeys are the keys under which grpc-go looks for its values in a context. Their types are not exported, so they
// are learned from the functions that look.
type contextKeys struct{ metadata, peer, stream any }

func learnKeys() contextKeys {
	return contextKeys{
		metadata: learnKey(func(ctx context.Context) { metadata.FromIncomingContext(ctx) }),
		peer:     learnKey(func(ctx context.Context) { peer.FromContext(ctx) }),
		stream:   learnKey(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) }),
	}
}

// learnKey returns the key that look asks a context for.
func learnKey(look func(context.Context)) any {
	p := &keyProbe{Context: context.Background()}
	look(p)
	return p.key
}

// keyProbe is a context that remembers what it was asked for.
type keyProbe struct {
	context.Context //nolint:containedctx // keyProbe is a context

	key any
}

// Value implements context.Context.
func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}

// Value implements context.Context.
func (x *callContext) Value(key any) any {
	switch key {
	case x.keys.metadata:
		return x.metadata()
	case x.keys.peer:
		return x.remote()
	case x.keys.stream:
		return (*transportStream)(x)
	}
	return x.ctx.Value(key)
}

// Deadline implements context.Context.
func (x *callContext) Deadline() (time.Time, bool) { return x.ctx.Deadline() }

// Done implements context.Context.
func (x *callContext) Done() <-chan struct{} { return x.ctx.Done() }

// Err implements context.Context.
func (x *callContext) Err() error { return x.ctx.Err() }

// AfterFunc lets contexts derived from this one attach to the call without a goroutine each, if the parent can.
func (x *callContext) AfterFunc(f func()) (stop func() bool) {
	if a, ok := x.ctx.(interface {
		AfterFunc(f func()) (stop func() bool)
	}); ok {
		return a.AfterFunc(f)
	}
	return context.AfterFunc(x.ctx, f)
}

func (x *callContext) metadata() metadata.MD {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.incoming == nil {
		x.incoming = incomingMD(x.call)
	}
	return x.incoming
}

func (x *callContext) remote() *peer.Peer {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.peer == nil {
		x.peer = toPeer(x.call.Peer())
	}
	return x.peer
}

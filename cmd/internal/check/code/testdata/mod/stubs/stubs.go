// Package stubs has decorators of generated clients.
package stubs

import (
	"context"
	"time"

	"github.com/fairlead-go/fairlead"
)

type request struct{}

type watcher interface {
	Watch(ctx context.Context, r *request, opts ...fairlead.CallOption) (*fairlead.Inbound[request], error)
	Chat(ctx context.Context, opts ...fairlead.CallOption) (*fairlead.Bidi[request, request], error)
	Get(ctx context.Context, r *request, opts ...fairlead.CallOption) (*request, error)
}

type limited struct{ watcher }

func (l limited) Watch(
	ctx context.Context, r *request, opts ...fairlead.CallOption,
) (*fairlead.Inbound[request], error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel() // want `cancel ends the stream that is returned`
	return l.watcher.Watch(ctx, r, opts...)
}

func (l limited) Chat(ctx context.Context, opts ...fairlead.CallOption) (*fairlead.Bidi[request, request], error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	s, err := l.watcher.Chat(ctx, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	s.Call().CancelOnEnd(cancel)
	return s, nil
}

func (l limited) Get(ctx context.Context, r *request, opts ...fairlead.CallOption) (*request, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return l.watcher.Get(ctx, r, opts...)
}

func first(ctx context.Context, w watcher) (*request, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := w.Watch(ctx, &request{})
	if err != nil {
		return nil, err
	}
	return s.Recv()
}

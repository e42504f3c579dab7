package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // presets log calls there
	leakcheck.Main(m)
}

const (
	protoFile   = "testdata/echo.proto"
	echoService = "echo.v1.Echo"
)

type message = dynamicpb.Message

// echo is the service of testdata. It notes what it is asked.
type echo struct {
	before func(ctx context.Context) // called by Say; may be nil

	mu     sync.Mutex
	texts  map[string]int
	header map[string]int // values of "x-id"
}

func (e *echo) text(m *message) string {
	return m.Get(m.Descriptor().Fields().ByName("text")).String()
}

func (e *echo) number(m *message) int64 {
	return m.Get(m.Descriptor().Fields().ByName("number")).Int()
}

func (e *echo) note(ctx context.Context, m *message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.texts == nil {
		e.texts, e.header = make(map[string]int), make(map[string]int)
	}
	e.texts[e.text(m)]++
	if id := fairlead.CallFrom(ctx).RequestHeader().Get("x-id"); id != "" {
		e.header[id]++
	}
}

func (e *echo) seen() (texts, header map[string]int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.texts, e.header
}

func (e *echo) say(ctx context.Context, m *message) (*message, error) {
	e.note(ctx, m)
	if e.before != nil {
		e.before(ctx)
	}
	switch e.text(m) {
	case "fail":
		if e.number(m)%2 == 0 {
			return nil, fairlead.Errorf(fairlead.NotFound, "no ship %d", e.number(m))
		}
		return nil, fairlead.Errorf(fairlead.ResourceExhausted, "enough")
	case "sleep":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m, nil
}

func (e *echo) repeat(_ context.Context, m *message, s *fairlead.Outbound[message]) error {
	for range e.number(m) {
		if err := s.Send(m); err != nil {
			return err
		}
		if e.text(m) == "slow" {
			time.Sleep(200 * time.Millisecond) // it is slow
		}
	}
	return nil
}

// inbound ranges over the messages of a stream. Those of package dynamic must be made by their method.
func inbound(c *fairlead.Call, each func(m *message) error) error {
	for {
		m := dynamic.NewRequest(c.Method())
		err := c.Stream().Recv(m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(m)
		}
		if err != nil {
			return err
		}
	}
}

func (e *echo) collect(ctx context.Context, c *fairlead.Call) error {
	var last *message
	err := inbound(c, func(m *message) error {
		e.note(ctx, m)
		last = m
		return nil
	})
	if err == nil && last == nil {
		err = fairlead.Errorf(fairlead.InvalidArgument, "no messages")
	}
	if err == nil {
		c.SetResponse(last)
	}
	return err
}

func (e *echo) chat(ctx context.Context, c *fairlead.Call) error {
	return inbound(c, func(m *message) error {
		e.note(ctx, m)
		return c.Stream().Send(m)
	})
}

// contract compiles the contract.
func contract(t testing.TB) (*dynamic.Source, *descriptorpb.FileDescriptorSet) {
	t.Helper()
	c, err := idl.Compile(t.Context(), idl.Source{Dir: "testdata", Roots: []string{"testdata"},
		Files: []string{"echo.proto"}})
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{File: c.Files}
	src, err := dynamic.FromSet(set)
	if err != nil {
		t.Fatal(err)
	}
	return src, set
}

// implement makes the service with reflection.
func (e *echo) implement(t testing.TB) []*fairlead.Implementation {
	t.Helper()
	src, set := contract(t)
	methods, err := src.Methods(t.Context(), echoService)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write(b)
	zw.Close()
	svc := fairlead.NewService(echoService, "proto", zipped.Bytes, methods...)
	own, err := admin.Reflection(svc)
	if err != nil {
		t.Fatal(err)
	}
	return append(own, fairlead.Implement(svc, fairlead.UnaryHandler(e.say),
		fairlead.ServerStreamHandler(e.repeat),
		e.collect,
		e.chat))
}

// serve serves e at a port of its own, and returns the address.
func (e *echo) serve(t testing.TB, opts ...server.Option) string {
	t.Helper()
	s, err := preset.NewServer("127.0.0.1:0", append([]server.Option{server.Service(e.implement(t)...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		_ = s.Shutdown(ctx) // a test may have cut it off before
	})
	return s.Addr().String()
}

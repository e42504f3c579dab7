package call

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
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

const protoFile = "testdata/shop/v1/shop.proto"

// shop is a server of the contract in testdata.
type shop struct {
	addr   string
	gone   chan struct{} // a call to "slow" was given up
	server *server.Server
}

type served struct {
	addr       string // "": a free port
	reflection bool
	tls        *tls.Config
}

// descriptorSet compiles the contract.
func descriptorSet(t testing.TB) *descriptorpb.FileDescriptorSet {
	t.Helper()
	c, err := idl.Compile(t.Context(), idl.Source{
		Dir: "testdata", Roots: []string{"testdata"}, Files: []string{"shop/v1/shop.proto"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &descriptorpb.FileDescriptorSet{File: c.Files}
}

func contractOf(t testing.TB) *dynamic.Source {
	t.Helper()
	src, err := dynamic.FromSet(descriptorSet(t))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func serve(t testing.TB, s served) *shop {
	t.Helper()
	src := contractOf(t)
	methods, err := src.Methods(t.Context(), "shop.v1.Shop")
	if err != nil {
		t.Fatal(err)
	}
	set := descriptorSet(t)
	for _, f := range set.File {
		f.SourceCodeInfo = nil // as servers in Go have it
	}
	b, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write(b)
	zw.Close()
	svc := fairlead.NewService("shop.v1.Shop", "proto", zipped.Bytes, methods...)
	sh := &shop{gone: make(chan struct{}, 1)}
	impls := []*fairlead.Implementation{fairlead.Implement(svc,
		fairlead.UnaryHandler(sh.get), sh.list(methods[1]), sh.collect(methods[2]), sh.chat(methods[3]))}
	if s.reflection {
		own, err := admin.Reflection(svc)
		if err != nil {
			t.Fatal(err)
		}
		impls = append(impls, own...)
	}
	opts := []server.Option{server.Service(impls...), server.MaxRecvMessage(64 << 20)}
	if s.tls != nil {
		opts = append(opts, server.TLS(s.tls))
	}
	if sh.server, err = preset.NewServer(cmp.Or(s.addr, "127.0.0.1:0"), opts...); err != nil {
		t.Fatal(err)
	}
	if err := sh.server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		_ = sh.server.Shutdown(ctx) // a test may have cut it off before
	})
	sh.addr = sh.server.Addr().String()
	return sh
}

type message = dynamicpb.Message

func text(m *message, name string) string {
	return m.Get(m.Descriptor().Fields().ByTextName(name)).String()
}

// get answers with the item of that name. Some names mean something else.
func (s *shop) get(ctx context.Context, in *message) (*message, error) {
	c := fairlead.CallFrom(ctx)
	for k, v := range c.RequestHeader().All() {
		if strings.HasPrefix(k, "echo-") {
			c.ResponseHeader().Add(k, v)
			c.ResponseTrailer().Add("trailer-"+k, v)
		}
	}
	name := text(in, "name")
	switch name {
	case "":
		return nil, failWith(fairlead.InvalidArgument, "name is empty", &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "name", Description: "must not be empty"}},
		})
	case "missing":
		e := failWith(fairlead.NotFound, "no such item", &errdetails.ErrorInfo{Reason: "MISSING", Domain: "shop"})
		e.Details = append(e.Details, fairlead.Detail{Type: "type.example/gone.Type", Value: []byte{1, 2}},
			fairlead.Detail{Type: "type.example/shop.v1.Gift", Value: []byte("\x0a\x03Ann")})
		return nil, e
	case "slow":
		<-ctx.Done()
		s.gone <- struct{}{}
		return nil, ctx.Err()
	case "deadline":
		_, ok := ctx.Deadline()
		name = fmt.Sprint("has a deadline: ", ok)
	case "escape":
		return nil, fairlead.Errorf(fairlead.Aborted, "a\x1b[2Jb")
	}
	size := in.Get(in.Descriptor().Fields().ByTextName("size")).Int()
	return newItem(c.Method(), fmt.Sprintf(`{"name": %q, "picture": %q}`, name, strings.Repeat("AAAA", int(size)/3)))
}

func failWith(code fairlead.Code, text string, detail proto.Message) *fairlead.Error {
	e := fairlead.Errorf(code, "%s", text)
	b, err := proto.Marshal(detail)
	if err != nil {
		return fairlead.Errorf(fairlead.Internal, "%v", err)
	}
	name := "type.googleapis.com/" + string(detail.ProtoReflect().Descriptor().FullName())
	e.Details = []fairlead.Detail{{Type: name, Value: b}}
	return e
}

func newItem(m *fairlead.Method, json string) (*message, error) {
	out := dynamic.NewResponse(m)
	return out, protojson.Unmarshal([]byte(json), out)
}

func (s *shop) list(m *fairlead.Method) fairlead.Handler {
	return fairlead.ServerStreamHandler(func(ctx context.Context, in *message, out *fairlead.Outbound[message]) error {
		for i := range in.Get(in.Descriptor().Fields().ByTextName("size")).Int() {
			it, err := newItem(m, fmt.Sprintf(`{"name": "%s %d"}`, text(in, "name"), i))
			if err != nil {
				return err
			}
			if err := out.Send(it); err != nil {
				return err
			}
		}
		switch text(in, "name") {
		case "broken":
			return failWith(fairlead.DataLoss, "broken off", &errdetails.RetryInfo{})
		case "dying":
			fairlead.CallFrom(ctx).ResponseTrailer().Add("last", "words")
			go func() {
				now, cancel := context.WithCancel(context.Background())
				cancel()
				_ = s.server.Shutdown(now) // cuts the connections
			}()
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
}

// receive passes the messages of a stream on.
func receive(c *fairlead.Call, f func(*message) error) error {
	for {
		in := dynamic.NewRequest(c.Method())
		err := c.Stream().Recv(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(in)
		}
		if err != nil {
			return err
		}
	}
}

func (s *shop) collect(m *fairlead.Method) fairlead.Handler {
	return func(_ context.Context, c *fairlead.Call) error {
		var names []string
		err := receive(c, func(in *message) error {
			names = append(names, fmt.Sprintf("%q", text(in, "name")))
			if text(in, "name") == "enough" {
				return fairlead.Errorf(fairlead.OutOfRange, "enough")
			}
			return nil
		})
		if err != nil {
			return err
		}
		out, err := newItem(m, fmt.Sprintf(`{"names": [%s], "count": %d}`, strings.Join(names, ","), len(names)))
		c.SetResponse(out)
		return err
	}
}

func (s *shop) chat(*fairlead.Method) fairlead.Handler {
	return func(_ context.Context, c *fairlead.Call) error {
		return receive(c, func(in *message) error { return c.Stream().Send(in) })
	}
}

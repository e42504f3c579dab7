package fairlead_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/fairlead-go/fairlead"
)

type HelloRequest struct{ Name string }

type HelloReply struct{ Text string }

// hello describes a method; generated code has such a variable for each.
var hello = fairlead.NewMethod[HelloRequest, HelloReply](fairlead.Unary, "greeter.Greeter", "SayHello")

// local is a fairlead.Binder that calls a service in the same process, as a test's fake might.
type local struct {
	handler    fairlead.Handler
	middleware []fairlead.Middleware
}

func (l local) Bind(m *fairlead.Method) fairlead.Handler {
	server := func(_ context.Context, c *fairlead.Call) error {
		in := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Header: c.RequestHeader().Clone()})
		in.SetRequest(c.Request())
		err := l.handler(in.Context(), in)
		in.Wire().End(in.Context(), err)
		c.SetResponse(in.Response())
		*c.ResponseHeader() = in.ResponseHeader().Clone()
		return err
	}
	chain := fairlead.Chain(fairlead.Site{Side: fairlead.ClientSide, Method: m}, server, l.middleware...)
	return func(ctx context.Context, c *fairlead.Call) error {
		err := chain(ctx, c)
		c.Wire().End(ctx, err)
		return err
	}
}

// greeter is a client's stub.
type greeter struct{ hello fairlead.Handler }

func (g greeter) SayHello(ctx context.Context, r *HelloRequest, opts ...fairlead.CallOption) (*HelloReply, error) {
	c := fairlead.NewCall(hello, r, opts...)
	return fairlead.Result[HelloReply](c, g.hello(ctx, c))
}

func serve(f func(context.Context, *HelloRequest) (*HelloReply, error), mw ...fairlead.Middleware) greeter {
	return greeter{local{fairlead.UnaryHandler(f), mw}.Bind(hello)}
}

// One middleware serves unary calls and streams, clients and servers. What depends on the method alone is done once,
// when the chain is built.
func ExampleMiddleware() {
	counting := func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		fmt.Println("building for", at.Side, at.Method.Name)
		done := func(_ context.Context, _ *fairlead.Call, err error) {
			fmt.Println(at.Method.Path, fairlead.CodeOf(err))
		}
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(done)
			return next(ctx, c)
		}
	}
	client := serve(func(_ context.Context, r *HelloRequest) (*HelloReply, error) {
		if r.Name == "" {
			return nil, fairlead.Errorf(fairlead.InvalidArgument, "name is empty")
		}
		return &HelloReply{"hello " + r.Name}, nil
	}, counting)

	reply, _ := client.SayHello(context.Background(), &HelloRequest{"Ann"})
	fmt.Println(reply.Text)
	_, err := client.SayHello(context.Background(), &HelloRequest{})
	fmt.Println(err)
	// Output:
	// building for client SayHello
	// /greeter.Greeter/SayHello OK
	// hello Ann
	// /greeter.Greeter/SayHello INVALID_ARGUMENT
	// INVALID_ARGUMENT: name is empty
}

// A handler finds its call, and with it the metadata in both directions.
func ExampleCallFrom() {
	client := serve(func(ctx context.Context, r *HelloRequest) (*HelloReply, error) {
		c := fairlead.CallFrom(ctx)
		c.ResponseHeader().Set("served-by", "a")
		return &HelloReply{c.RequestHeader().Get("greeting") + " " + r.Name}, nil
	})
	var info fairlead.CallInfo
	reply, _ := client.SayHello(context.Background(), &HelloRequest{"Ann"},
		fairlead.WithHeader("greeting", "good morning"), fairlead.WithInfo(&info))
	fmt.Println(reply.Text)
	fmt.Println(info.Header.Get("served-by"))
	// Output:
	// good morning Ann
	// a
}

// The cause of an error stays in the process; its code and message go to the caller.
func ExampleErrorf() {
	err := fairlead.Errorf(fairlead.NotFound, "no avatar of %s: %w", "ann", fs.ErrNotExist)
	fmt.Println(err)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// NOT_FOUND: no avatar of ann: file does not exist
	// true
}

// Any error has a code: that of a fairlead.Error behind wrapping, that of a context's error, or UNKNOWN.
func ExampleCodeOf() {
	err := fmt.Errorf("loading the page: %w", fairlead.Errorf(fairlead.Unavailable, "no connection"))
	fmt.Println(fairlead.CodeOf(err))
	fmt.Println(fairlead.CodeOf(context.DeadlineExceeded))
	fmt.Println(fairlead.CodeOf(errors.New("oops")))
	fmt.Println(fairlead.CodeOf(nil))
	// Output:
	// UNAVAILABLE
	// DEADLINE_EXCEEDED
	// UNKNOWN
	// OK
}

func ExampleMetadata() {
	var md fairlead.Metadata
	md.Add("Accept-Language", "de")
	md.Add("accept-language", "en")
	md.Set("request-id", "42")
	fmt.Println(md.Get("accept-language"), md.Values("accept-language"))
	for key, value := range md.All() {
		fmt.Println(key, value)
	}
	// Output:
	// de [de en]
	// accept-language de
	// accept-language en
	// request-id 42
}

// tenant is an option of a middleware of one's own.
type tenant string

func ExampleOptionValue() {
	route := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if t, ok := fairlead.OptionValue[tenant](c); ok {
				c.RequestHeader().Set("tenant", string(t))
			}
			return next(ctx, c)
		}
	}
	client := serve(func(ctx context.Context, r *HelloRequest) (*HelloReply, error) {
		return &HelloReply{r.Name + " of " + fairlead.CallFrom(ctx).RequestHeader().Get("tenant")}, nil
	}, route)
	reply, _ := client.SayHello(context.Background(), &HelloRequest{"Ann"}, fairlead.WithValue(tenant("acme")))
	fmt.Println(reply.Text)
	// Output: Ann of acme
}

// A middleware may bring the deadline forward; it costs neither timer nor context.
func ExampleCall_Tighten() {
	c := fairlead.NewCall(hello, nil, fairlead.WithTimeout(time.Hour))
	c.Tighten(time.Now().Add(time.Minute))
	c.Tighten(time.Now().Add(time.Hour)) // later: changes nothing
	deadline, _ := c.Deadline()
	fmt.Println(time.Until(deadline).Round(time.Second))
	// Output: 1m0s
}

// ErrOutOfStock and OutOfStock are what the generator makes of a value of an enum that has the option (fairlead.error).
var ErrOutOfStock = &fairlead.Reason{
	Domain: "shop.example.com", Name: "OUT_OF_STOCK", Code: fairlead.FailedPrecondition, HTTPStatus: 409,
}

type OutOfStock struct{ fairlead.ReasonError } //nolint:errname // as it is generated

func NewOutOfStock(format string, args ...any) *fairlead.Error {
	return ErrOutOfStock.Errorf(format, args...)
}

func (e *OutOfStock) FromError(err *fairlead.Error) bool { return e.Match(ErrOutOfStock, err) }

// Errors that the contract declares have a type, a constructor and a value of their own.
func ExampleReason() {
	client := serve(func(_ context.Context, r *HelloRequest) (*HelloReply, error) {
		return nil, NewOutOfStock("no greetings for %s", r.Name).With("name", r.Name)
	})

	_, err := client.SayHello(context.Background(), &HelloRequest{"Ann"})
	if e, ok := errors.AsType[OutOfStock](err); ok {
		fmt.Println(e.Err.Message, e.Metadata, e.HTTPStatus())
	}
	fmt.Println(errors.Is(err, ErrOutOfStock))
	fmt.Println(err)
	// Output:
	// no greetings for Ann map[name:Ann] 409
	// true
	// FAILED_PRECONDITION: no greetings for Ann
}

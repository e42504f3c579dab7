package rest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/typepb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/httprule"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/std"
)

type (
	thing = typepb.Type
	text  = wrapperspb.StringValue
	blob  = wrapperspb.BytesValue
)

// The rules below are what the generator makes of a contract.

func setName(m any, v []string) error {
	return httprule.Set("name", v, httprule.String, func(s string) { m.(*thing).Name = s })
}

// nameParam sets the field name from the path.
var nameParam = fairlead.HTTPParam{Name: "name", InPath: true, Set: setName}

// queryParams are fields that the query sets.
var queryParams = []fairlead.HTTPParam{
	{Name: "oneofs", Set: func(m any, v []string) error {
		return httprule.Append("oneofs", v, httprule.String,
			func(s string) { m.(*thing).Oneofs = append(m.(*thing).Oneofs, s) })
	}},
	{Name: "syntax", Set: func(m any, v []string) error {
		return httprule.Set("syntax", v, httprule.Enum[typepb.Syntax](typepb.Syntax_value),
			func(s typepb.Syntax) { m.(*thing).Syntax = s })
	}},
	{Name: "source_context.file_name", JSON: "sourceContext.fileName", Set: func(m any, v []string) error {
		return httprule.Set("source_context.file_name", v, httprule.String,
			func(s string) { httprule.Make(&m.(*thing).SourceContext).FileName = s })
	}},
}

func params(p ...fairlead.HTTPParam) []fairlead.HTTPParam { return append(p, queryParams...) }

func whole(m any) any { return m }

var (
	getThing = fairlead.NewMethod[thing, thing](fairlead.Unary, "test.v1.Things", "Get", rules(
		fairlead.HTTPRule{Verb: "GET", Template: "/v1/{name=types/*}", Params: params(nameParam)},
		fairlead.HTTPRule{Verb: "POST", Template: "/v1/types", BodyField: "*", Body: whole},
		fairlead.HTTPRule{Verb: "POST", Template: "/v1/{name=types/*}:make", BodyField: "*", Body: whole, Status: 201,
			Params: []fairlead.HTTPParam{nameParam}},
		fairlead.HTTPRule{Verb: "DELETE", Template: "/v1/{name=types/*}", Params: params(nameParam)},
		fairlead.HTTPRule{
			Verb: "PUT", Template: "/v1/{name=types/*}/oneofs", Params: []fairlead.HTTPParam{nameParam},
			BodyField: "oneofs", ResultField: "oneofs", Result: func(m any) any { return m.(*thing).GetOneofs() },
		},
		fairlead.HTTPRule{
			Verb: "PUT", Template: "/v1/{name=types/*}/fields", Params: []fairlead.HTTPParam{nameParam},
			BodyField: "fields", ResultField: "fields", Result: func(m any) any { return m.(*thing).GetFields() },
		},
		fairlead.HTTPRule{
			Verb: "PUT", Template: "/v1/{name=types/*}/syntax", Params: []fairlead.HTTPParam{nameParam},
			BodyField: "syntax", ResultField: "syntax", Result: func(m any) any { return m.(*thing).GetSyntax() },
		},
		fairlead.HTTPRule{
			Verb: "PATCH", Template: "/v1/{name=types/*}/source", Params: []fairlead.HTTPParam{nameParam},
			BodyField: "sourceContext", Body: func(m any) any { return httprule.Make(&m.(*thing).SourceContext) },
			ResultField: "sourceContext", Result: func(m any) any { return m.(*thing).GetSourceContext() },
		},
	))
	rawThing = fairlead.NewMethod[blob, blob](fairlead.Unary, "test.v1.Things", "Raw", rules(fairlead.HTTPRule{
		Verb: "POST", Template: "/v1/raw", BodyField: "*", RawBody: setBlob, RawResult: getBlob,
	}))
	listThings = fairlead.NewMethod[thing, text](fairlead.ServerStreaming, "test.v1.Things", "List", rules(
		fairlead.HTTPRule{Verb: "GET", Template: "/v1/{name=types/*}:list", Params: params(nameParam)},
		fairlead.HTTPRule{Verb: "POST", Template: "/v1/types:list", BodyField: "*", Body: whole},
	))
	joinTexts = fairlead.NewMethod[text, text](fairlead.ClientStreaming, "test.v1.Things", "Join", rules(
		fairlead.HTTPRule{Verb: "POST", Template: "/v1/join", BodyField: "*", Body: whole},
	))
	chat = fairlead.NewMethod[text, text](fairlead.BidiStreaming, "test.v1.Things", "Chat", rules(
		fairlead.HTTPRule{Verb: "POST", Template: "/v1/chat", BodyField: "*", Body: whole},
	))
	upload = fairlead.NewMethod[part, text](fairlead.ClientStreaming, "test.v1.Things", "Upload", rules(
		fairlead.HTTPRule{
			Verb: "POST", Template: "/v1/upload/{source_context.file_name}", BodyField: "value", Params: []fairlead.HTTPParam{
				{Name: "source_context.file_name", InPath: true, Set: func(m any, v []string) error {
					return httprule.Set("source_context.file_name", v, httprule.String,
						func(s string) { httprule.Make(&m.(*part).SourceContext).FileName = s })
				}},
				{Name: "filename", Set: func(m any, v []string) error {
					return httprule.Set("filename", v, httprule.String, func(s string) { m.(*part).Edition = s })
				}},
				{Name: "oneofs", Set: func(m any, v []string) error {
					return httprule.Append("oneofs", v, httprule.String,
						func(s string) { m.(*part).Oneofs = append(m.(*part).Oneofs, s) })
				}},
			},
			RawBody: func(m any, t string, d []byte) {
				m.(*part).Name, m.(*part).Fields = t, []*typepb.Field{{Name: string(d)}}
			},
		},
	))
	download = fairlead.NewMethod[thing, blob](fairlead.ServerStreaming, "test.v1.Things", "Download", rules(
		fairlead.HTTPRule{Verb: "GET", Template: "/v1/{name=types/*}:load", Params: params(nameParam), RawResult: getBlob},
	))
)

// part is a message of an upload: the content type is in name, the bytes in the first of fields.
type part = typepb.Type

func setBlob(m any, _ string, d []byte) { m.(*blob).Value = d }

func getBlob(m any) (contentType string, data []byte) { return "image/test", m.(*blob).GetValue() }

func rules(r ...fairlead.HTTPRule) fairlead.MethodOption {
	return func(m *fairlead.Method) { m.HTTP = r }
}

var errStock = &fairlead.Reason{
	Domain: "shop.example.com", Name: "OUT_OF_STOCK", Code: fairlead.FailedPrecondition, HTTPStatus: 409, Retryable: true,
	RetryAfter: 1500 * time.Millisecond, Message: "there is none left",
}

func get(ctx context.Context, m *thing) (*thing, error) {
	c := fairlead.CallFrom(ctx)
	switch m.GetName() {
	case "types/missing":
		return nil, fairlead.Errorf(fairlead.NotFound, "there is no such type")
	case "types/stock":
		c.ResponseHeader().Set("shelf", "7")
		return nil, errStock.Errorf("").With("id", "lamp")
	case "types/relay":
		e := fairlead.ErrorOf(errStock.Errorf("").With("id", "lamp"))
		return nil, fairlead.PeerError(e.Code, e.Message, e.Details)
	case "types/unknown":
		return nil, errors.New("it broke")
	case "types/panic":
		panic("at the handler")
	case "types/created":
		c.ResponseHeader().Set("location", "/v1/types/created")
		return m, c.SetHTTPStatus(201)
	case "types/empty":
		return m, c.SetHTTPStatus(204)
	case "types/elsewhere":
		c.ResponseHeader().Set("location", "/v1/types/there")
		return m, c.SetHTTPStatus(303)
	case "types/teapot":
		if c.SetHTTPStatus(418) == nil {
			return nil, errors.New("418 is taken for a success")
		}
	case "types/tag":
		c.ResponseHeader().Set("etag", `"v1"`)
		c.ResponseHeader().Set("cache-control", "no-cache")
	case "types/fields":
		c.ResponseHeader().Set("x-bin", "\x00\x01")
		c.ResponseHeader().Set("content-length", "7") // is dropped, and so is what would be two fields
		c.ResponseHeader().Set("split", "a\r\nevil: 1")
		c.ResponseTrailer().Set("cost", "3")
		for _, k := range []string{"cookie", "grpc-timeout", "accept-encoding", "echo-bin"} {
			m.Oneofs = append(m.Oneofs, k+"="+c.RequestHeader().Get(k))
		}
		_, has := c.Deadline()
		m.Oneofs = append(m.Oneofs, fmt.Sprint(has, c.Protocol()))
	case "types/big":
		m.Edition = strings.Repeat("big ", 1000)
	case "types/early":
		c.ResponseHeader().Set("early", "yes")
		return m, c.SendHeader()
	case "types/slow":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m, nil
}

func list(ctx context.Context, m *thing, s *fairlead.Outbound[text]) error {
	c := fairlead.CallFrom(ctx)
	if m.GetName() == "types/first" {
		return fairlead.Errorf(fairlead.NotFound, "there is no such list")
	}
	for _, v := range m.GetOneofs() {
		if m.GetName() == "types/resumes" {
			if c.RequestHeader().Get("last-event-id") == v {
				continue
			}
			if err := rest.SetEventID(c, v); err != nil {
				return err
			}
		}
		if err := s.Send(wrapperspb.String(v)); err != nil {
			return err
		}
	}
	c.ResponseTrailer().Set("count", fmt.Sprint(len(m.GetOneofs())))
	switch m.GetName() {
	case "types/last":
		return fairlead.Errorf(fairlead.DataLoss, "the rest is lost")
	case "types/again":
		return errStock.Errorf("")
	case "types/slow":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func join(_ context.Context, s *fairlead.Inbound[text]) (*text, error) {
	all := ""
	for m, err := range s.All() {
		if err != nil {
			return nil, err
		}
		all += m.GetValue() + ";"
	}
	return wrapperspb.String(all), nil
}

func talk(_ context.Context, s *fairlead.Bidi[text, text]) error {
	for m, err := range s.All() {
		if err != nil {
			return err
		}
		if err := s.Send(wrapperspb.String("re " + m.GetValue())); err != nil {
			return err
		}
	}
	return nil
}

func take(_ context.Context, s *fairlead.Inbound[part]) (*text, error) {
	var about []string
	sum := sha256.New()
	r := rest.Reader(s, func(m *part) []byte {
		if m.GetName() != "" || len(about) == 0 {
			about = append(about, fmt.Sprint(m.GetName(), " ", m.GetSourceContext().GetFileName(), " ", m.GetEdition(),
				m.GetOneofs()))
		}
		return []byte(m.GetFields()[0].GetName())
	})
	n, err := io.Copy(sum, r)
	return wrapperspb.String(fmt.Sprintf("%s, %d bytes, %x", strings.Join(about, ","), n, sum.Sum(nil)[:4])), err
}

func load(_ context.Context, m *thing, s *fairlead.Outbound[blob]) error {
	for _, v := range m.GetOneofs() {
		if err := s.Send(wrapperspb.Bytes([]byte(v))); err != nil {
			return err
		}
	}
	if m.GetName() == "types/last" {
		return fairlead.Errorf(fairlead.DataLoss, "the rest is lost")
	}
	return nil
}

func things() *fairlead.Implementation {
	return fairlead.Implement(
		fairlead.NewService("test.v1.Things", "proto", nil, getThing, rawThing, listThings, joinTexts, chat, upload,
			download),
		fairlead.UnaryHandler(get),
		fairlead.UnaryHandler(func(_ context.Context, m *blob) (*blob, error) { return m, nil }),
		fairlead.ServerStreamHandler(list),
		fairlead.ClientStreamHandler(join),
		fairlead.BidiHandler(talk),
		fairlead.ClientStreamHandler(take),
		fairlead.ServerStreamHandler(load),
	)
}

// serve serves the service until t ends, and returns its URL.
func serve(t *testing.T, app *rest.Server, opts ...server.Option) (*server.Server, string) {
	t.Helper()
	z, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(append([]server.Option{
		server.Service(things()),
		server.Protocol(web.NewServer(app)),
		server.Codec(proto.Codec{}),
		server.Compressor(z),
		server.Transport(std.Network{}),
		server.Listen("127.0.0.1:0"),
		server.Logger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s, "http://" + s.Addr().String()
}

// versions are the versions of HTTP that the tests use.
var versions = map[string]func(*http.Protocols){
	"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
	"HTTP/2":   func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
}

// eachVersion runs a test over each version of HTTP, with a client that does as it is told.
func eachVersion(t *testing.T, run func(t *testing.T, c *http.Client)) {
	t.Helper()
	for name, set := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
			set(tr.Protocols)
			t.Cleanup(tr.CloseIdleConnections)
			run(t, &http.Client{
				Transport:     tr,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			})
		})
	}
}

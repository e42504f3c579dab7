package connectgo_test

import (
	"context"
	"errors"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/server"
)

func serverOptions() []server.Option {
	return []server.Option{server.Service(implement()), server.CompressMin(0)}
}

// foreign is connect-go's client.
type foreign struct {
	echoes, joins, splits, chats *connect.Client[text, text]
}

func newForeign(hc *http.Client, base string, opts []connect.ClientOption) *foreign {
	method := func(m *fairlead.Method, more ...connect.ClientOption) *connect.Client[text, text] {
		return connect.NewClient[text, text](hc, base+m.Path, append(more, opts...)...)
	}
	return &foreign{
		echoes: method(mEcho, connect.WithIdempotency(connect.IdempotencyNoSideEffects)),
		joins:  method(mJoin), splits: method(mSplit), chats: method(mChat),
	}
}

func send(h http.Header) {
	h.Set("K", "v")
	h.Set("K-Bin", connect.EncodeBinaryHeader([]byte("\xff\x00")))
}

// result makes an outcome of what a call has received.
func result(texts []string, header, trailer http.Header, err error) outcome {
	o := outcome{texts: texts}
	if e, ok := errors.AsType[*connect.Error](err); ok {
		o.code, o.message = e.Code().String(), e.Message()
		if len(e.Details()) > 0 {
			o.detail, _ = e.Details()[0].Value()
		}
		header, trailer = e.Meta(), e.Meta()
	} else if err != nil {
		o.code = err.Error()
	}
	o.k, o.trail = header.Get("K"), trailer.Get("T")
	if b, err := connect.DecodeBinaryHeader(header.Get("K-Bin")); err == nil {
		o.bin = string(b)
	}
	return o
}

func (f *foreign) echo(ctx context.Context, m string) outcome {
	r := connect.NewRequest(wrapperspb.String(m))
	send(r.Header())
	resp, err := f.echoes.CallUnary(ctx, r)
	if err != nil {
		return result(nil, nil, nil, err)
	}
	return result([]string{resp.Msg.GetValue()}, resp.Header(), resp.Trailer(), nil)
}

func (f *foreign) join(ctx context.Context, m ...string) outcome {
	s := f.joins.CallClientStream(ctx)
	send(s.RequestHeader())
	for _, v := range m {
		if err := s.Send(wrapperspb.String(v)); err != nil && !errors.Is(err, io.EOF) {
			return result(nil, nil, nil, err)
		}
	}
	resp, err := s.CloseAndReceive()
	if err != nil {
		return result(nil, nil, nil, err)
	}
	return result([]string{resp.Msg.GetValue()}, resp.Header(), resp.Trailer(), nil)
}

func (f *foreign) split(ctx context.Context, m string) outcome {
	r := connect.NewRequest(wrapperspb.String(m))
	send(r.Header())
	s, err := f.splits.CallServerStream(ctx, r)
	if err != nil {
		return result(nil, nil, nil, err)
	}
	defer s.Close()
	var texts []string
	for s.Receive() {
		texts = append(texts, s.Msg().GetValue())
	}
	return result(texts, s.ResponseHeader(), s.ResponseTrailer(), s.Err())
}

func (f *foreign) chat(ctx context.Context, m ...string) outcome {
	s := f.chats.CallBidiStream(ctx)
	defer s.CloseResponse()
	send(s.RequestHeader())
	var texts []string
	for _, v := range m {
		if err := s.Send(wrapperspb.String(v)); err != nil && !errors.Is(err, io.EOF) {
			return result(texts, nil, nil, err)
		}
		r, err := s.Receive()
		if err != nil {
			return result(texts, s.ResponseHeader(), s.ResponseTrailer(), err)
		}
		texts = append(texts, r.GetValue())
	}
	if err := s.CloseRequest(); err != nil {
		return result(texts, nil, nil, err)
	}
	if _, err := s.Receive(); !errors.Is(err, io.EOF) {
		return result(texts, s.ResponseHeader(), s.ResponseTrailer(), err)
	}
	return result(texts, s.ResponseHeader(), s.ResponseTrailer(), nil)
}

// ours is Fairlead's client.
type ours struct{ conn fairlead.Binder }

func options(info *fairlead.CallInfo) []fairlead.CallOption {
	return []fairlead.CallOption{
		fairlead.WithInfo(info), fairlead.WithHeader("k", "v"), fairlead.WithHeader("k-bin", "\xff\x00"),
	}
}

// codes are the names of codes in Connect that the tests see.
var codes = map[fairlead.Code]string{
	fairlead.Aborted: "aborted", fairlead.DeadlineExceeded: "deadline_exceeded", fairlead.Canceled: "canceled",
}

func outcomeOf(texts []string, info *fairlead.CallInfo, err error) outcome {
	o := outcome{texts: texts}
	if err != nil {
		e := fairlead.ErrorOf(err)
		o.message = e.Message
		if o.code = codes[e.Code]; o.code == "" {
			o.code = e.Code.String()
		}
		if len(e.Details) > 0 && e.Details[0].Type == "type.googleapis.com/google.protobuf.Duration" {
			d := new(durationpb.Duration)
			if proto.Unmarshal(e.Details[0].Value, d) == nil {
				o.detail = d
			}
		}
	}
	o.k, o.bin, o.trail = info.Header.Get("k"), info.Header.Get("k-bin"), info.Trailer.Get("t")
	if o.trail == "" {
		o.trail = info.Header.Get("t") // connect-go has one list of metadata in its errors
	}
	return o
}

func (u ours) echo(ctx context.Context, m string) outcome {
	var info fairlead.CallInfo
	call := fairlead.NewCall(mEcho, wrapperspb.String(m), options(&info)...)
	r, err := fairlead.Result[text](call, u.conn.Bind(mEcho)(ctx, call))
	if err != nil {
		return outcomeOf(nil, &info, err)
	}
	return outcomeOf([]string{r.GetValue()}, &info, nil)
}

func (u ours) join(ctx context.Context, m ...string) outcome {
	var info fairlead.CallInfo
	call := fairlead.NewCall(mJoin, nil, options(&info)...)
	s, err := fairlead.OpenedClientStream[text, text](call, u.conn.Bind(mJoin)(ctx, call))
	if err != nil {
		return outcomeOf(nil, &info, err)
	}
	for _, v := range m {
		if err := s.Send(wrapperspb.String(v)); err != nil && !errors.Is(err, io.EOF) {
			return outcomeOf(nil, &info, err)
		}
	}
	r, err := s.CloseAndRecv()
	if err != nil {
		return outcomeOf(nil, &info, err)
	}
	return outcomeOf([]string{r.GetValue()}, &info, nil)
}

func (u ours) split(ctx context.Context, m string) outcome {
	var info fairlead.CallInfo
	call := fairlead.NewCall(mSplit, wrapperspb.String(m), options(&info)...)
	s, err := fairlead.OpenedServerStream[text](call, u.conn.Bind(mSplit)(ctx, call))
	if err != nil {
		return outcomeOf(nil, &info, err)
	}
	var texts []string
	for r, err := range s.All() {
		if err != nil {
			return outcomeOf(texts, &info, err)
		}
		texts = append(texts, r.GetValue())
	}
	return outcomeOf(texts, &info, nil)
}

func (u ours) chat(ctx context.Context, m ...string) outcome {
	var info fairlead.CallInfo
	call := fairlead.NewCall(mChat, nil, options(&info)...)
	s, err := fairlead.OpenedBidi[text, text](call, u.conn.Bind(mChat)(ctx, call))
	if err != nil {
		return outcomeOf(nil, &info, err)
	}
	var texts []string
	for _, v := range m {
		if err := s.Send(wrapperspb.String(v)); err != nil && !errors.Is(err, io.EOF) {
			return outcomeOf(texts, &info, err)
		}
		r, err := s.Recv()
		if err != nil {
			return outcomeOf(texts, &info, err)
		}
		texts = append(texts, r.GetValue())
	}
	if err := s.CloseSend(); err != nil {
		return outcomeOf(texts, &info, err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		return outcomeOf(texts, &info, err)
	}
	return outcomeOf(texts, &info, nil)
}

package dynamic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/adminpb"
)

// remote is a server that is asked about its contract. Each question has its own stream: servers that leave out what
// they have sent before on a stream then answer in full, and no stream delays the shutdown of a server.
type remote struct {
	binder   fairlead.Binder
	target   string
	maxBytes int
	versions [2]*fairlead.Method // v1 and v1alpha
	current  atomic.Int32        // the version that the server has, as far as is known
}

// targeter is implemented by Binders that know their target, as clients do.
type targeter interface{ Target() string }

func newRemote(b fairlead.Binder, maxBytes int) *remote {
	r := &remote{binder: b, target: "the server", maxBytes: maxBytes}
	if t, ok := b.(targeter); ok {
		r.target = t.Target()
	}
	for i, service := range []string{"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} {
		const name = "ServerReflectionInfo"
		r.versions[i] = &fairlead.Method{ // its messages are delivered as *fairlead.Raw
			Service: service, Name: name, Path: "/" + service + "/" + name,
			Kind: fairlead.BidiStreaming, Idempotency: fairlead.NoSideEffects,
		}
	}
	return r
}

// services returns the names of the server's services.
func (r *remote) services(ctx context.Context) ([]string, error) {
	a, err := r.ask(ctx, question{kind: askServices})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range a.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, nil
}

// files returns the encoded files that answer q. The error is protoregistry.NotFound if the server has none.
func (r *remote) files(ctx context.Context, q question) ([][]byte, error) {
	a, err := r.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return a.GetFileDescriptorResponse().GetFileDescriptorProto(), nil
}

// ask asks q in the version of the protocol that the server has.
func (r *remote) ask(ctx context.Context, q question) (*adminpb.ServerReflectionResponse, error) {
	version := r.current.Load()
	a, err := r.askIn(ctx, version, q)
	if !isUnimplemented(err) {
		return a, err
	}
	a, other := r.askIn(ctx, 1-version, q)
	switch {
	case isUnimplemented(other):
		return nil, fmt.Errorf("%s: %w", r.target, ErrNoReflection)
	case other == nil || errors.Is(other, protoregistry.NotFound):
		r.current.Store(1 - version)
	}
	return a, other
}

func isUnimplemented(err error) bool {
	return err != nil && fairlead.CodeOf(err) == fairlead.Unimplemented
}

// askIn asks one question in one version.
func (r *remote) askIn(ctx context.Context, version int32, q question) (*adminpb.ServerReflectionResponse, error) {
	m := r.versions[version]
	ctx, cancel := context.WithCancel(ctx) // the stream ends in any case
	defer cancel()
	// Not compressed, whatever the client does with its calls: a server that cannot decompress answers UNIMPLEMENTED, as
	// one without reflection does.
	c := fairlead.NewCall(m, nil, fairlead.WithRecvLimit(r.maxBytes), fairlead.WithCompressor("identity"))
	request, err := proto.Marshal(q.message())
	if err != nil {
		return nil, fmt.Errorf("asking about %s: %w", q, err)
	}
	raw, err := exchange(ctx, r.binder.Bind(m), c, request)
	if e := fairlead.ErrorOf(err); err != nil && e.Code == fairlead.ResourceExhausted && !e.FromPeer() {
		return nil, fmt.Errorf("%s, asked about %s: %w of %d bytes (dynamic.MaxBytes)", r.target, q, ErrTooLarge, r.maxBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s about %s by %s: %w", r.target, q, m.Service, err)
	}
	a := new(adminpb.ServerReflectionResponse)
	if err := proto.Unmarshal(raw.Data, a); err != nil {
		return nil, fmt.Errorf("%s sent a malformed answer about %s: %w", r.target, q, err)
	}
	if failure := a.GetErrorResponse(); failure != nil {
		code := fairlead.Code(failure.GetErrorCode())
		if code == fairlead.NotFound {
			return nil, protoregistry.NotFound
		}
		if code == fairlead.OK { // left out
			code = fairlead.Unknown
		}
		text := strings.Map(printable, failure.GetErrorMessage())
		return nil, fmt.Errorf("%s about %s: %w", r.target, q, fairlead.PeerError(code, text, nil))
	}
	if !q.answeredBy(a) {
		return nil, fmt.Errorf("%s answered a question about %s with something else, or nothing", r.target, q)
	}
	return a, nil
}

// printable replaces characters in a peer's text that could control a terminal or confuse a log.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

// exchange sends one message on a stream and returns the one that comes back.
func exchange(ctx context.Context, h fairlead.Handler, c *fairlead.Call, request []byte) (*fairlead.Raw, error) {
	if err := h(ctx, c); err != nil {
		return nil, err
	}
	s := c.Stream()
	defer s.Close()
	// After io.EOF the reason comes from Recv.
	if err := s.Send(&fairlead.Raw{Data: request, Codec: "proto"}); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := s.CloseSend(); err != nil {
		return nil, err
	}
	raw := new(fairlead.Raw)
	if err := s.Recv(raw); errors.Is(err, io.EOF) {
		return nil, fairlead.Errorf(fairlead.Internal, "the server ended the call without an answer")
	} else if err != nil {
		return nil, err
	}
	// The status follows. The answer counts even if the server then fails, or sends nothing more.
	enough := time.AfterFunc(statusTime, func() { _ = s.Close() })
	defer enough.Stop()
	var extra fairlead.Raw
	_ = s.Recv(&extra)
	return raw, nil
}

// statusTime is how long to wait for the status after the answer. A stream that is closed earlier counts as canceled on
// the server.
const statusTime = time.Second

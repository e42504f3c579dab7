package conformance_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// tricky is metadata of the kinds that are easy to get wrong. It is longer than a frame, so that others continue it.
func tricky() metadata.MD {
	return metadata.MD{
		"plain":      {"value"},
		"empty":      {""},
		"many":       {"1", "2", "3"},
		"commas":     {"a,b", "c"},
		"dots.and_-": {"~!@#$%^&*()"},
		"long":       {strings.Repeat("x", 20_000)},
		"one-bin":    {"\x00\x01\xfe\xff"},
		"none-bin":   {""},
		"many-bin":   {"\x01", "\x02\x03", "a,b"},
	}
}

// same says whether got has all that want has; each side adds some of its own.
func same(t *testing.T, what string, got, want metadata.MD) {
	t.Helper()
	for key, values := range want {
		if !slices.Equal(got[key], values) {
			t.Errorf("%s: %s: got %q, want %q", what, key, got[key], values)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		receive := func(ctx context.Context) (header, trailer metadata.MD) {
			md, _ := metadata.FromIncomingContext(ctx)
			same(t, "request", md, tricky())
			if len(md[":authority"]) != 1 || len(md["user-agent"]) != 1 || len(md["content-type"]) != 1 {
				t.Errorf("request: got authority %q, user agent %q, content type %q", md[":authority"], md["user-agent"],
					md["content-type"])
			}
			return metadata.Join(tricky(), metadata.Pairs("only", "header")),
				metadata.Join(tricky(), metadata.Pairs("only", "trailer"))
		}
		client := p.connect(t, &service{
			unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				header, trailer := receive(ctx)
				if err := grpc.SetHeader(ctx, header); err != nil {
					return nil, err
				}
				return new(testpb.SimpleResponse), grpc.SetTrailer(ctx, trailer)
			},
			duplex: func(s duplexServer) error {
				header, trailer := receive(s.Context())
				s.SetTrailer(trailer)
				if err := s.SendHeader(header); err != nil {
					return err
				}
				_, err := s.Recv()
				if err != io.EOF {
					return err
				}
				return nil
			},
		})
		ctx := metadata.NewOutgoingContext(within(t), tricky())
		var header, trailer metadata.MD
		_, err := client.UnaryCall(ctx, new(testpb.SimpleRequest), grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "unary header", header, metadata.Join(tricky(), metadata.Pairs("only", "header")))
		same(t, "unary trailer", trailer, metadata.Join(tricky(), metadata.Pairs("only", "trailer")))

		s, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if header, err = s.Header(); err != nil { // the server sends it before anything else
			t.Fatal(err)
		}
		same(t, "stream header", header, metadata.Join(tricky(), metadata.Pairs("only", "header")))
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Fatalf("got %v, want EOF", err)
		}
		same(t, "stream trailer", s.Trailer(), metadata.Join(tricky(), metadata.Pairs("only", "trailer")))
	})
}

// TestTrailersOnly covers errors before anything else was sent: with metadata in the trailer, and with some in the
// header as well, which then cannot be left out.
func TestTrailersOnly(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		for _, withHeader := range []bool{false, true} {
			fail := func(setHeader, setTrailer func(metadata.MD)) error {
				if withHeader {
					setHeader(metadata.Pairs("h", "1", "h-bin", "\x00"))
				}
				setTrailer(metadata.Pairs("t", "2", "t-bin", "\x01"))
				return status.Error(codes.FailedPrecondition, "not now")
			}
			client := p.connect(t, &service{
				unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
					return nil, fail(func(md metadata.MD) { _ = grpc.SetHeader(ctx, md) },
						func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) })
				},
				output: func(_ *testpb.StreamingOutputCallRequest, s outputServer) error {
					return fail(func(md metadata.MD) { _ = s.SetHeader(md) }, s.SetTrailer)
				},
			})
			check := func(what string, err error, header, trailer metadata.MD) {
				t.Helper()
				if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "not now" {
					t.Errorf("%s: got %v", what, err)
				}
				if withHeader {
					same(t, what+" header", header, metadata.Pairs("h", "1", "h-bin", "\x00"))
				}
				same(t, what+" trailer", trailer, metadata.Pairs("t", "2", "t-bin", "\x01"))
			}
			var header, trailer metadata.MD
			_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.Header(&header), grpc.Trailer(&trailer))
			check("unary", err, header, trailer)

			s, err := client.StreamingOutputCall(within(t), new(testpb.StreamingOutputCallRequest))
			if err != nil {
				t.Fatal(err)
			}
			header, err = s.Header()
			if err != nil || !withHeader && header["h"] != nil {
				t.Errorf("Header: got %v, %v", header, err)
			}
			_, err = s.Recv()
			check("stream", err, header, s.Trailer())
		}
	})
}

package command

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // the server takes and sends it
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection"
	v1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m, program.Remove) }

// limit is the size in bytes of messages that the server takes and sends.
const limit = 16 << 20

// service implements grpc.testing.TestService with grpc-go.
type service struct {
	testpb.UnimplementedTestServiceServer

	stop func() // cuts the server off
	// held says that a call is being held, gone that it was given up.
	held, gone chan struct{}
}

// UnaryCall echoes; the payload may say what else to do.
func (s *service) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	echo := metadata.MD{}
	for k, v := range md {
		if strings.HasPrefix(k, "echo-") {
			echo[k] = v
		}
	}
	if _, ok := ctx.Deadline(); ok {
		echo.Set("deadline", "yes")
	}
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
			echo.Set("client", info.State.PeerCertificates[0].Subject.CommonName)
		}
	}
	echo.Set("encoding", md.Get("grpc-encoding")...)
	_ = grpc.SetHeader(ctx, echo)
	_ = grpc.SetTrailer(ctx, metadata.Pairs("at-the-end", "t"))
	switch string(in.GetPayload().GetBody()) {
	case "hold":
		s.held <- struct{}{}
		<-ctx.Done()
		s.gone <- struct{}{}
		return nil, ctx.Err()
	case "details":
		st, err := status.New(codes.InvalidArgument, "wrong in part").WithDetails(
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "payload.body"}}},
			&testpb.Payload{Body: []byte("known by reflection")})
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}
	if code := in.GetResponseStatus().GetCode(); code != 0 {
		return nil, status.Error(codes.Code(code), in.GetResponseStatus().GetMessage())
	}
	body := in.GetPayload().GetBody()
	if n := in.GetResponseSize(); n > 0 {
		body = make([]byte, n)
	}
	return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: body}}, nil
}

func (s *service) StreamingOutputCall(
	in *testpb.StreamingOutputCallRequest, out testpb.TestService_StreamingOutputCallServer,
) error {
	for range in.GetResponseParameters() {
		if err := out.Send(&testpb.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
	if in.GetResponseStatus().GetMessage() == "die" {
		s.stop()
		<-out.Context().Done()
		return out.Context().Err()
	}
	return nil
}

func (s *service) StreamingInputCall(in testpb.TestService_StreamingInputCallServer) error {
	sum := 0
	for {
		m, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return in.SendAndClose(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)})
		}
		if err != nil {
			return err
		}
		sum += len(m.GetPayload().GetBody())
	}
}

func (s *service) FullDuplexCall(b testpb.TestService_FullDuplexCallServer) error {
	for {
		m, err := b.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.GetResponseStatus().GetCode() != 0 {
			return status.Error(codes.Code(m.GetResponseStatus().GetCode()), "as was asked")
		}
		if err := b.Send(&testpb.StreamingOutputCallResponse{Payload: m.GetPayload()}); err != nil {
			return err
		}
	}
}

// The versions of reflection that a server has.
type versions uint8

const (
	none versions = iota
	onlyV1
	onlyV1alpha
	both
	oddImports // v1, with files that import what cannot be built
)

// odd is grpc-go's reflection, which answers as older versions of it do for a service whose files import others that
// are not linked in: with placeholders. One import is a copy of timestamp.proto whose names are in another case.
type odd struct{ v1.ServerReflectionServer }

func (o odd) ServerReflectionInfo(s v1.ServerReflection_ServerReflectionInfoServer) error {
	return o.ServerReflectionServer.ServerReflectionInfo(oddStream{s})
}

type oddStream struct {
	v1.ServerReflection_ServerReflectionInfoServer
}

func (s oddStream) Send(m *v1.ServerReflectionResponse) error {
	if r := m.GetFileDescriptorResponse(); r != nil && len(r.GetFileDescriptorProto()) > 0 {
		first := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(r.GetFileDescriptorProto()[0], first); err != nil {
			return err
		}
		stamp := protodesc.ToFileDescriptorProto(timestamppb.File_google_protobuf_timestamp_proto)
		stamp.Name = new("google/protobuf/Timestamp.proto")
		for _, f := range stamp.GetMessageType()[0].GetField() {
			f.Name = new(strings.ToUpper(f.GetName()))
		}
		gone := &descriptorpb.FileDescriptorProto{Name: new("gone.proto"), Syntax: new("<unknown:0>")}
		r.FileDescriptorProto = r.GetFileDescriptorProto()[1:]
		first.Dependency = append(first.Dependency, gone.GetName(), stamp.GetName())
		for _, f := range []*descriptorpb.FileDescriptorProto{gone, stamp, first} {
			b, err := proto.Marshal(f)
			if err != nil {
				return err
			}
			r.FileDescriptorProto = append(r.FileDescriptorProto, b)
		}
	}
	return s.ServerReflection_ServerReflectionInfoServer.Send(m)
}

// serve starts grpc-go's server.
func serve(t *testing.T, v versions, cfg *tls.Config) (addr string, s *service) {
	t.Helper()
	opts := []grpc.ServerOption{grpc.MaxRecvMsgSize(limit), grpc.MaxSendMsgSize(limit)}
	if cfg != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(cfg)))
	}
	srv := grpc.NewServer(opts...)
	s = &service{held: make(chan struct{}, 1), gone: make(chan struct{}, 1)}
	s.stop = func() { go srv.Stop() }
	testpb.RegisterTestServiceServer(srv, s)
	grpc_health_v1.RegisterHealthServer(srv, health.NewServer())
	switch v {
	case none:
	case onlyV1:
		v1.RegisterServerReflectionServer(srv, reflection.NewServerV1(reflection.ServerOptions{Services: srv}))
	case onlyV1alpha:
		//nolint:staticcheck // the old version is what is tested
		grpc_reflection_v1alpha.RegisterServerReflectionServer(srv,
			reflection.NewServer(reflection.ServerOptions{Services: srv}))
	case both:
		reflection.Register(srv)
	case oddImports:
		v1.RegisterServerReflectionServer(srv, odd{reflection.NewServerV1(reflection.ServerOptions{Services: srv})})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with Stop
	}()
	t.Cleanup(func() {
		stopped := time.AfterFunc(assert.Patience(10*time.Second), srv.Stop)
		srv.GracefulStop()
		stopped.Stop()
		<-done
	})
	return l.Addr().String(), s
}

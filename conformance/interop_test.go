package conformance_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(fatalLogger{})
	slog.SetDefault(slog.New(slog.DiscardHandler)) // presets log calls there
	leakcheck.Main(m, removePrograms)
}

// interopCases are the test cases that need neither credentials of a cloud nor a balancer of grpc-go's. Package
// internal/interop knows them too, but registers the same messages as grpc-go's library does.
func interopCases() []string {
	return []string{
		"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
		"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "status_code_and_message",
		"special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service", "rpc_soak",
		"channel_soak",
	}
}

// compressedCases are the test cases of compression, which grpc-go's programs do not have.
func compressedCases() []string {
	return []string{
		"client_compressed_unary", "server_compressed_unary", "client_compressed_streaming",
		"server_compressed_streaming",
	}
}

// TestInteropPrograms runs the test cases as programs do it, one process for each: grpc-go's client against the server
// of this module, and the client of this module, on generated stubs of Fairlead's own, against grpc-go's server.
func TestInteropPrograms(t *testing.T) {
	t.Parallel()
	own := programs(t)
	for _, secure := range []bool{false, true} {
		var serverFlags, clientFlags []string
		if secure {
			c := testtls.New(t)
			serverFlags = []string{"-use_tls", "-tls_cert_file", c.CertFile, "-tls_key_file", c.KeyFile}
			clientFlags = []string{
				"-use_tls", "-use_test_ca", "-ca_file", c.CAFile, "-server_host_override", testtls.ServerName,
			}
		}
		each := func(t *testing.T, client, host, port string, cases []string) {
			for _, name := range cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, client, append(clientFlags, "-server_host", host, "-server_port", port, "-test_case", name)...)
				})
			}
		}
		t.Run(fmt.Sprintf("grpcgo to fairlead, TLS %v", secure), func(t *testing.T) {
			host, port := startServer(t, filepath.Join(own, "interop-server"), serverFlags...)
			each(t, tool(t, "google.golang.org/grpc/interop/client"), host, port, interopCases())
		})
		t.Run(fmt.Sprintf("fairlead to grpcgo, TLS %v", secure), func(t *testing.T) {
			host, port := startAt(t, tool(t, "google.golang.org/grpc/interop/server"), func(port string) []string {
				return append(serverFlags, "-port", port)
			})
			each(t, filepath.Join(own, "interop-client"), host, port, interopCases())
		})
		t.Run(fmt.Sprintf("fairlead to fairlead, TLS %v", secure), func(t *testing.T) {
			host, port := startServer(t, filepath.Join(own, "interop-server"), serverFlags...)
			each(t, filepath.Join(own, "interop-client"), host, port, append(interopCases(), compressedCases()...))
		})
	}
}

// TestInteropLibrary runs grpc-go's own test functions against its own service, each with the clients and servers of
// both: the service as a grpcgo.Registrar serves it, and the calls as a grpcgo.Conn makes them.
func TestInteropLibrary(t *testing.T) {
	t.Parallel()
	cases := map[string]func(context.Context, testpb.TestServiceClient, ...grpc.CallOption){
		"empty_unary":                 interop.DoEmptyUnaryCall,
		"large_unary":                 interop.DoLargeUnaryCall,
		"client_streaming":            interop.DoClientStreaming,
		"server_streaming":            interop.DoServerStreaming,
		"ping_pong":                   interop.DoPingPong,
		"empty_stream":                interop.DoEmptyStream,
		"timeout_on_sleeping_server":  interop.DoTimeoutOnSleepingServer,
		"cancel_after_begin":          interop.DoCancelAfterBegin,
		"cancel_after_first_response": interop.DoCancelAfterFirstResponse,
		"status_code_and_message":     interop.DoStatusCodeAndMessage,
		"special_status_message":      interop.DoSpecialStatusMessage,
		"custom_metadata":             interop.DoCustomMetadata,
	}
	eachPair(t, func(t *testing.T, p pair) {
		conn := p.conn(t, interop.NewTestServer(), &serverConfig{}, &clientConfig{})
		client := testpb.NewTestServiceClient(conn)
		for name, do := range cases {
			for option, opts := range map[string][]grpc.CallOption{
				"plain": nil, "gzip": {grpc.UseCompressor("gzip")}, "patient": {grpc.WaitForReady(true)},
			} {
				t.Run(name+", "+option, func(t *testing.T) {
					t.Parallel()
					defer reportFatal(t)
					do(within(t), client, opts...)
				})
			}
		}
		t.Run("unimplemented_service", func(t *testing.T) {
			t.Parallel()
			defer reportFatal(t)
			interop.DoUnimplementedService(within(t), testpb.NewUnimplementedServiceClient(conn))
		})
		t.Run("unimplemented_method", func(t *testing.T) {
			t.Parallel()
			err := conn.Invoke(within(t), "/grpc.testing.TestService/UnimplementedCall", nil, nil)
			if status.Code(err) != codes.Unimplemented {
				t.Errorf("got %v, want Unimplemented", err)
			}
		})
	})
}

// fatalLogger is what grpc-go's test functions report failures to, with the intention that the process end. It panics
// instead, with a fatal for reportFatal; what is not fatal is of no interest.
type fatalLogger struct{}

type fatal string

func reportFatal(t *testing.T) {
	t.Helper()
	switch v := recover().(type) {
	case nil:
	case fatal:
		t.Error(string(v))
	default:
		panic(v)
	}
}

func (fatalLogger) Info(...any)             {}
func (fatalLogger) Infoln(...any)           {}
func (fatalLogger) Infof(string, ...any)    {}
func (fatalLogger) Warning(...any)          {}
func (fatalLogger) Warningln(...any)        {}
func (fatalLogger) Warningf(string, ...any) {}
func (fatalLogger) Error(...any)            {}
func (fatalLogger) Errorln(...any)          {}
func (fatalLogger) Errorf(string, ...any)   {}
func (fatalLogger) V(int) bool              { return false }

func (fatalLogger) Fatal(args ...any)   { panic(fatal(fmt.Sprint(args...))) }
func (fatalLogger) Fatalln(args ...any) { panic(fatal(fmt.Sprintln(args...))) }
func (fatalLogger) Fatalf(format string, args ...any) {
	panic(fatal(fmt.Sprintf(format, args...)))
}

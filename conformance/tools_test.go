package conformance_test

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
)

// registerInterop registers grpc-go's interoperability service.
func registerInterop(r grpc.ServiceRegistrar) {
	testpb.RegisterTestServiceServer(r, interop.NewTestServer())
}

// registerTools registers grpc-go's interoperability, health and reflection services.
func registerTools(r grpc.ServiceRegistrar) {
	registerInterop(r)
	h := health.NewServer()
	h.SetServingStatus("ships", healthpb.HealthCheckResponse_SERVING)
	h.SetServingStatus("wrecks", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(r, h)
	if rs, ok := r.(reflection.GRPCServer); ok {
		reflection.Register(rs)
	}
}

// serveAdmin serves the interoperability service with Fairlead's own health and reflection.
func serveAdmin(t *testing.T, cfg *serverConfig) running {
	t.Helper()
	impls := registered(t, registerInterop)
	h := admin.NewHealth()
	h.SetServing("ships", true)
	h.SetServing("wrecks", false)
	impls = append(impls, h.Service())
	var services []*fairlead.Service
	for _, im := range impls {
		services = append(services, im.Service)
	}
	reflect, err := admin.Reflection(services...)
	if err != nil {
		t.Fatal(err)
	}
	return startFairlead(t, cfg, append(impls, reflect...))
}

// eachServer runs f with the address of each stack's server, and of others, over plaintext and TLS.
func eachServer(t *testing.T, f func(t *testing.T, addr string, c *testtls.Certificates), others ...stack) {
	t.Helper()
	others = append(others, stack{name: "fairlead with package admin", serve: serveAdmin})
	for _, s := range slices.Concat(stacks, others) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f(t, s.serve(t, &serverConfig{register: registerTools}).addr, nil)
		})
		t.Run(s.name+", TLS", func(t *testing.T) {
			t.Parallel()
			c := testtls.New(t)
			f(t, s.serve(t, &serverConfig{register: registerTools, tls: c}).addr, c)
		})
	}
}

// serveProgram runs this module's interop-server, which does not look at cfg.register.
func serveProgram(t *testing.T, dir string, cfg *serverConfig) running {
	t.Helper()
	var flags []string
	if cfg.tls != nil {
		flags = []string{"-use_tls", "-tls_cert_file", cfg.tls.CertFile, "-tls_key_file", cfg.tls.KeyFile}
	}
	host, port := startServer(t, filepath.Join(dir, "interop-server"), flags...)
	return running{addr: net.JoinHostPort(host, port)}
}

// TestHealthOfProgram runs grpc_health_probe against this module's interop-server.
func TestHealthOfProgram(t *testing.T) {
	t.Parallel()
	addr := serveProgram(t, programs(t), &serverConfig{}).addr
	for _, service := range []string{"", "grpc.testing.TestService"} {
		run(t, tool(t, "github.com/grpc-ecosystem/grpc-health-probe"), "-addr", addr, "-service", service)
	}
}

// TestHealthProbe runs grpc_health_probe, as a container's liveness check does.
func TestHealthProbe(t *testing.T) {
	t.Parallel()
	probe := func(t *testing.T) string { return tool(t, "github.com/grpc-ecosystem/grpc-health-probe") }
	eachServer(t, func(t *testing.T, addr string, c *testtls.Certificates) {
		args := []string{"-addr", addr}
		if c != nil {
			args = append(args, "-tls", "-tls-ca-cert", c.CAFile, "-tls-server-name", testtls.ServerName)
		}
		// The codes are the program's own.
		for service, want := range map[string]int{"": 0, "ships": 0, "wrecks": 4, "nothing": 3} {
			out, err := try(t, probe(t), append(args, "-service", service)...)
			if got := exitCode(err); got != want {
				t.Errorf("service %q: got exit code %d, want %d (%s)", service, got, want, strings.TrimSpace(out))
			}
		}
	})
}

// exitCode is the exit code of a program that has run, -1 if it has not.
func exitCode(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	default:
		return -1
	}
}

// TestGrpcurl runs grpcurl, which learns all that it sends and prints from the server's reflection.
func TestGrpcurl(t *testing.T) {
	t.Parallel()
	const service = "grpc.testing.TestService"
	tests := map[string]struct {
		args []string // behind the flags for TLS; ADDR stands for the address
		want []string
		code int
	}{
		"list":    {args: []string{"ADDR", "list"}, want: []string{service, "grpc.health.v1.Health"}},
		"methods": {args: []string{"ADDR", "list", service}, want: []string{service + ".FullDuplexCall"}},
		"describe": {args: []string{"ADDR", "describe", "grpc.testing.SimpleRequest"},
			want: []string{"int32 response_size = 2"}},
		"unary": {
			args: []string{"-d", `{"responseSize": 3}`, "ADDR", service + "/UnaryCall"},
			want: []string{`"body": "AAAA"`},
		},
		"metadata": {
			args: []string{
				"-v", "-H", "x-grpc-test-echo-initial: hello", "-H", "x-grpc-test-echo-trailing-bin: AQID", "ADDR",
				service + "/UnaryCall",
			},
			want: []string{"x-grpc-test-echo-initial: hello", "x-grpc-test-echo-trailing-bin: AQID"},
		},
		"server streaming": {
			args: []string{
				"-d", `{"responseParameters": [{"size": 1}, {"size": 2}]}`, "ADDR", service + "/StreamingOutputCall",
			},
			want: []string{`"body": "AA=="`, `"body": "AAA="`},
		},
		"client streaming": {
			args: []string{
				"-d", `{"payload": {"body": "AAAA"}} {"payload": {"body": "AAAA"}}`, "ADDR", service + "/StreamingInputCall",
			},
			want: []string{`"aggregatedPayloadSize": 6`},
		},
		"bidirectional": {
			args: []string{
				"-d", `{"responseParameters": [{"size": 1}]} {"responseParameters": [{"size": 2}]}`, "ADDR",
				service + "/FullDuplexCall",
			},
			want: []string{`"body": "AA=="`, `"body": "AAA="`},
		},
		"status": { // exit codes above 64 are 64 and the status
			args: []string{"-d", `{"responseStatus": {"code": 5, "message": "no ship"}}`, "ADDR", service + "/UnaryCall"},
			want: []string{"Code: NotFound", "Message: no ship"}, code: 64 + 5,
		},
		"a deadline": {
			args: []string{
				"-max-time", "0.2", "-d", `{"responseParameters": [{"size": 1, "intervalUs": 2000000}]}`, "ADDR",
				service + "/StreamingOutputCall",
			},
			want: []string{"Code: DeadlineExceeded"}, code: 64 + 4,
		},
	}
	own := programs(t)
	program := stack{name: "interop-server", serve: func(t *testing.T, cfg *serverConfig) running {
		return serveProgram(t, own, cfg)
	}}
	eachServer(t, func(t *testing.T, addr string, c *testtls.Certificates) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				args := []string{"-plaintext"}
				if c != nil {
					args = []string{"-cacert", c.CAFile, "-servername", testtls.ServerName}
				}
				for _, a := range tt.args {
					args = append(args, strings.ReplaceAll(a, "ADDR", addr))
				}
				out, err := try(t, tool(t, "github.com/fullstorydev/grpcurl/cmd/grpcurl"), args...)
				if got := exitCode(err); got != tt.code {
					t.Errorf("got exit code %d, want %d: %s", got, tt.code, out)
				}
				for _, want := range tt.want {
					if !strings.Contains(out, want) {
						t.Errorf("%q is missing in:\n%s", want, out)
					}
				}
			})
		}
	}, program)
}

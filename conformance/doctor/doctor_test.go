package doctor

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// result is one of the command's.
type result struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// doctor runs the command.
func doctor(t *testing.T, program string, args ...string) []result {
	t.Helper()
	args = append([]string{"doctor", "--format", "json"}, args...)
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() != 3) {
		t.Fatalf("%v", err)
	}
	var report struct {
		Results []result `json:"results"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return report.Results
}

// TestKeepalive: what grpc-go's servers do with PINGs that come too often.
func TestKeepalive(t *testing.T) {
	program := filepath.Join(t.TempDir(), "fairlead")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../../cmd", "-o", program, "./fairlead")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tests := []struct {
		name string
		opts []grpc.ServerOption
		want string
	}{
		{"the defaults", nil, `with a call under way: after`},
		{"what it allows", []grpc.ServerOption{grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: time.Millisecond,
		})}, "8 PINGs, one every 20ms, with a call under way: all answered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var lc net.ListenConfig
			l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := grpc.NewServer(tt.opts...)
			healthpb.RegisterHealthServer(s, health.NewServer())
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }()
			defer func() {
				s.Stop()
				<-done
			}()
			got := doctor(t, program, "--only", "keepalive", "--address", l.Addr().String(),
				"--keepalive", "20ms", "--pings", "8")
			if len(got) != 2 || got[0].Status != "ok" || !strings.Contains(got[1].Reason, tt.want) {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
}

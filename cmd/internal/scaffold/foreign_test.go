package scaffold

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// Contracts as others write them: gRPC's own, one with two services, all kinds of method and rules for requests, and
// one as grpc-gateway's examples are, with HTTP rules, a required field, and packages called internal.
const (
	healthProto = `syntax = "proto3";
package grpc.health.v1;
option go_package = "google.golang.org/grpc/health/grpc_health_v1";
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
}
`
	twoProto = `syntax = "proto3";
package two.v1;
import "buf/validate/validate.proto";
import "common.proto";
import "google/protobuf/empty.proto";
message Q { string a = 1 [(buf.validate.field).string.min_len = 1]; }
service Server {
  rpc One(Q) returns (common.R);
  rpc Down(Q) returns (stream common.R);
  rpc Up(stream Q) returns (common.R);
  rpc Both(stream Q) returns (stream common.R);
}
// Second has a comment.
service Second {
  // Ping pings.
  rpc Ping(google.protobuf.Empty) returns (google.protobuf.Empty);
}
`
	commonProto = `syntax = "proto3";
package common;
option go_package = "other.org/server";
message R { string b = 1; }
`
	echoProto = `syntax = "proto3";
package examples.internal.pb;
option go_package = "github.com/grpc-ecosystem/grpc-gateway/v2/examples/internal/proto/examplepb";
import "examples/internal/sub/message.proto";
import "google/api/annotations.proto";
service EchoService {
  rpc Echo(Message) returns (Message) { option (google.api.http) = { get: "/v1/example/{id}" }; }
  rpc Old(examples.internal.sub.Text) returns (examples.internal.sub.Text);
}
message Message { string id = 1; }
`
	subProto = `syntax = "proto2";
package examples.internal.sub;
option go_package = "github.com/grpc-ecosystem/grpc-gateway/v2/examples/internal/proto/sub";
message Text { required string value = 1; }
`
)

// TestForeignContracts: a project for contracts of others compiles, its tests pass, its code is current, and it is
// formatted.
func TestForeignContracts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds projects")
	}
	health := tree(t, map[string]string{"grpc/health/v1/health.proto": healthProto})
	two := tree(t, map[string]string{"two.proto": twoProto, "common.proto": commonProto})
	echo := tree(t, map[string]string{
		"examples/internal/echo.proto": echoProto, "examples/internal/sub/message.proto": subProto,
	})
	tests := []struct {
		name, contract string
		roots          []string
		files          []string // some of the project's
		main           string   // is in the program
	}{
		{"probe", filepath.Join(health, "grpc/health/v1/health.proto"), []string{health},
			[]string{"api/grpc/health/v1/health.proto", "gen/grpc_health_v1/health.fl.go", "internal/service/health.go"},
			"admin.Reflection(services...)"},
		{"probe-without-root", filepath.Join(health, "grpc/health/v1/health.proto"), nil,
			[]string{"api/health.proto", "gen/grpc_health_v1/health.fl.go"}, "grpc_health_v1.Health(new(service.Health))"},
		{"twins", two, nil,
			[]string{"api/two.proto", "api/common.proto", "gen/twov1/two.fl.go", "gen/server/common.pb.go",
				"internal/service/server.go", "internal/service/second.go"}, "admin.Standard(health)"},
		{"gateway", filepath.Join(echo, "examples/internal/echo.proto"), []string{echo},
			[]string{"api/examples/internal/sub/message.proto", "gen/examplepb/echo.fl.go", "gen/sub/message.pb.go"},
			"examplepb.EchoService(new(service.EchoService))"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"--contract", tt.contract}
			for _, root := range tt.roots {
				args = append(args, "-I", root)
			}
			dir := newProject(t, tt.name, args...)
			got := listing(t, dir)
			for _, name := range tt.files {
				if !slices.Contains(got, name) {
					t.Errorf("%s is missing in %q", name, got)
				}
			}
			if main := contentOf(t, dir, "cmd", tt.name, "main.go"); !strings.Contains(main, tt.main) {
				t.Errorf("%q is missing in %s", tt.main, main)
			}
			mod := contentOf(t, dir, "go.mod")
			goRun(t, dir, "vet", "./...")
			goRun(t, dir, "test", "./...")
			if contentOf(t, dir, "go.mod") != mod {
				t.Errorf("go changed go.mod:\n%s\nto\n%s", mod, contentOf(t, dir, "go.mod"))
			}
			formatted(t, dir)
		})
	}
}

// TestContractInPlace: a contract that the project has already stays where it is, with its own Go package.
func TestContractInPlace(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a project")
	}
	const contract = "syntax = \"proto3\";\npackage x.v1;\noption go_package = \"example.com/mine/proto/x/v1;xv1\";\n" +
		"message M {}\nservice X {\n  rpc Get(M) returns (M);\n}\n"
	dir := tree(t, map[string]string{"proto/x/v1/x.proto": contract})
	got := clitest.Run(t, New(), nil, "mine", "--dir", dir, "--no-git", "--force",
		"--contract", filepath.Join(dir, "proto"), "-I", filepath.Join(dir, "proto"))
	if got.Code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	all := listing(t, dir)
	if !slices.Contains(all, "proto/x/v1/x.fl.go") || slices.Contains(all, "api") || slices.Contains(all, "gen") {
		t.Errorf("got %q", all)
	}
	if text := contentOf(t, dir, "fairlead.yaml"); !strings.Contains(text, `inputs: ["proto"]`) ||
		strings.Contains(text, "map:") {
		t.Errorf("got %s", text)
	}
	goRun(t, dir, "test", "./...")
}

func TestForeignErrors(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"none/a.proto":  "syntax = \"proto3\";\npackage a;\nmessage M {}\n",
		"wrong/a.proto": "syntax = \"proto3\";\npackage a;\nmessage M { Missing m = 1; }\n",
		"empty/a.txt":   "",
	})
	for name, want := range map[string]string{
		"none": "declares no service", "wrong": "a.proto:3:13: field a.M.m: unknown type Missing",
		"empty": "no .proto files there", "absent": "there is no such file or directory",
	} {
		got := clitest.Run(t, New(), nil, "shop", "--contract", filepath.Join(dir, name), "--dry-run")
		if got.Code != cli.ExitFailed || !strings.Contains(got.Err, want) || got.Out != "" {
			t.Errorf("%s: exit code %d, %q, want %q", name, got.Code, got.Err, want)
		}
	}
}

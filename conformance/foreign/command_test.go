package foreign_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/conformance/internal/command"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
)

// program is the command.
var program = command.New("../../cmd")

// TestCommand calls each language's server, which has no reflection, with the command.
func TestCommand(t *testing.T) {
	t.Parallel()
	base64Of := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	body := func(s string) string { return `{"payload":{"body":"` + base64Of(s) + `"}}` }
	large := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(large, []byte(body(strings.Repeat("x", 8<<20))), 0o600); err != nil {
		t.Fatal(err)
	}
	const service = "grpc.testing.TestService/"
	tests := []struct {
		name  string
		args  []string
		stdin string
		code  int
		out   string
		err   []string // parts
	}{
		{name: "unary", args: []string{service + "UnaryCall", "-d", body("a")}, out: body("a") + "\n"},
		{
			name: "server stream", out: strings.Repeat(body("a")+"\n", 2),
			args: []string{"StreamingOutputCall", "-d", `{"payload":{"body":"YQ=="},"responseParameters":[{},{}]}`},
		},
		{
			name: "client stream", args: []string{"StreamingInputCall"}, stdin: body("abc") + "\n" + body("de") + "\n",
			out: "{\"aggregatedPayloadSize\":5}\n",
		},
		{
			name: "bidirectional", args: []string{"FullDuplexCall"}, stdin: body("a") + body("b"),
			out: body("a") + "\n" + body("b") + "\n",
		},
		{
			name: "metadata", args: []string{"UnaryCall", "-v", "-H", "echo-a: b", "-H", "echo-c-bin: AAH/", "-d", body("a")},
			out: body("a") + "\n",
			err: []string{"<   echo-a: b\n", "<   echo-c-bin: AAH/\n", "< response trailers:\n<   echo-"},
		},
		{
			name: "deadline", args: []string{"UnaryCall", "-v", "--timeout", "1m", "-d", body("a")}, out: body("a") + "\n",
			err: []string{"<   time-left-ms: 5"},
		},
		{
			name: "deadline exceeded", args: []string{"UnaryCall", "--timeout", "1s", "-H", "hold: command"}, code: 64 + 4,
			err: []string{"DEADLINE_EXCEEDED (4)"},
		},
		{
			name: "status", code: 64 + 9,
			args: []string{
				"UnaryCall", "-d", `{"payload":{"body":"YQ=="},"responseStatus":{"code":9,"message":"not now"}}`,
			},
			err: []string{"FAILED_PRECONDITION (9): not now\n", `  grpc.testing.Payload: {"body":"YQ=="}`},
		},
		{
			name: "status of a stream", code: 64 + 5,
			args: []string{
				"StreamingOutputCall", "-d",
				`{"payload":{"body":"YQ=="},"responseParameters":[{}],"responseStatus":{"code":5,"message":"gone"}}`,
			},
			out: body("a") + "\n", err: []string{"NOT_FOUND (5): gone\n"},
		},
		{
			name: "compressed", args: []string{"UnaryCall", "--compress", "gzip", "-H", "compress: gzip", "-d", body("aaaa")},
			out: body("aaaa") + "\n",
		},
		{
			name: "large", args: []string{"UnaryCall", "-d", "@" + large}, out: body(strings.Repeat("x", 8<<20)) + "\n",
		},
		{
			name: "unimplemented", args: []string{"CacheableUnaryCall"}, code: 64 + 12, err: []string{"UNIMPLEMENTED (12)"},
		},
	}
	each(t, func(t *testing.T, l *language, descriptors string) {
		if l.noServer {
			t.Skip("there is no server in this language")
		}
		addr := start(t, l.run("server"), descriptors).line(t)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				args := append([]string{"call", addr, "--compact", "--descriptor-set", descriptors}, tt.args...)
				got := program.Run(t, strings.NewReader(tt.stdin), args...)
				for _, part := range append(tt.err, "") {
					if got.Code != tt.code || got.Out != tt.out || !strings.Contains(got.Err, part) {
						t.Errorf("got code %d, output\n%.300s\n%.2000s\nwant code %d, output\n%.300s\n%s", got.Code, got.Out, got.Err,
							tt.code, tt.out, part)
					}
				}
			})
		}
		t.Run("proto", func(t *testing.T) {
			got := program.Run(t, nil, "call", addr, "UnaryCall", "--compact", "-d", body("a"),
				"--proto", "../internal/interop/interoppb/interop.proto")
			if got.Code != 0 || got.Out != body("a")+"\n" {
				t.Errorf("got code %d, %s%s", got.Code, got.Out, got.Err)
			}
		})
		t.Run("no reflection", func(t *testing.T) {
			got := program.Run(t, nil, "list", addr)
			if got.Code != 1 || !strings.Contains(got.Err, "has no reflection") {
				t.Errorf("got code %d, %s%s", got.Code, got.Out, got.Err)
			}
		})
		t.Run("tls", func(t *testing.T) {
			c := testtls.New(t)
			addr := start(t, l.run("server"), descriptors, c.CertFile, c.KeyFile).line(t)
			got := program.Run(t, nil, "call", addr, "UnaryCall", "--compact", "-d", body("a"), "--ca", c.CAFile,
				"--descriptor-set", descriptors)
			if got.Code != 0 || got.Out != body("a")+"\n" {
				t.Errorf("got code %d, %s%s", got.Code, got.Out, got.Err)
			}
			got = program.Run(t, nil, "call", addr, "UnaryCall", "--descriptor-set", descriptors)
			if got.Code != 1 || !strings.Contains(got.Err, "--tls") {
				t.Errorf("plaintext to TLS: got code %d, %s%s", got.Code, got.Out, got.Err)
			}
		})
	})
}

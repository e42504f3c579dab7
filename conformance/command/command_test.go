package command

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fairlead-go/fairlead/conformance/internal/command"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
)

var program = command.New("../../cmd")

// fairlead runs the command.
func fairlead(t *testing.T, stdin string, args ...string) command.Result {
	t.Helper()
	return program.Run(t, strings.NewReader(stdin), args...)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

const testService = "grpc.testing.TestService"

func TestReflection(t *testing.T) {
	for v, own := range map[versions][]string{
		onlyV1: {"grpc.reflection.v1.ServerReflection"}, onlyV1alpha: {"grpc.reflection.v1alpha.ServerReflection"},
		both: {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"},
	} {
		t.Run(strings.Join(own, " and "), func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, v, nil)
			want := strings.Join(append([]string{"grpc.health.v1.Health"}, append(own, testService)...), "\n") + "\n"
			if got := fairlead(t, "", "list", addr); got.Code != 0 || got.Out != want {
				t.Errorf("list: got code %d, %s%s\nwant %s", got.Code, got.Out, got.Err, want)
			}
			got := fairlead(t, "", "list", addr, "TestService", "-l")
			part := testService + "/UnaryCall (grpc.testing.SimpleRequest) returns (grpc.testing.SimpleResponse)\n"
			if got.Code != 0 || !strings.Contains(got.Out, part) {
				t.Errorf("list a service: got code %d, %s%s\nwant in it %s", got.Code, got.Out, got.Err, part)
			}
			got = fairlead(t, "", "describe", addr, "TestService/StreamingOutputCall")
			for _, part := range []string{
				"rpc StreamingOutputCall(grpc.testing.StreamingOutputCallRequest) " +
					"returns (stream grpc.testing.StreamingOutputCallResponse);\n",
				"message StreamingOutputCallRequest {\n", "  repeated grpc.testing.ResponseParameters response_parameters = 2;\n",
			} {
				if got.Code != 0 || !strings.Contains(got.Out, part) {
					t.Errorf("describe: got code %d, %s%s\nwant in it %s", got.Code, got.Out, got.Err, part)
				}
			}
			template := fairlead(t, "", "describe", addr, "UnaryCall", "--template")
			got = fairlead(t, template.Out, "call", addr, "UnaryCall", "-d", "@-")
			if got.Code != 0 {
				t.Errorf("calling with the template: got code %d, %s\nthe template is %s", got.Code, got.Err, template.Out)
			}
			got = fairlead(t, "", "call", addr, "Health/Check", "--compact")
			if got.Out != "{\"status\":\"SERVING\"}\n" {
				t.Errorf("health: got code %d, %s%s", got.Code, got.Out, got.Err)
			}
			got = fairlead(t, "", "__complete", "call", addr, testService+"/Unary")
			if !strings.Contains(got.Out, testService+"/UnaryCall\t") {
				t.Errorf("completion: got %s%s", got.Out, got.Err)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		addr, _ := serve(t, none, nil)
		for _, args := range [][]string{{"list", addr}, {"describe", addr}, {"call", addr, "UnaryCall"}} {
			got := fairlead(t, "", args...)
			if got.Code != 1 || got.Out != "" || !strings.Contains(got.Err, "has no reflection") ||
				!strings.Contains(got.Err, "--proto FILE") {
				t.Errorf("%q: got code %d, %s%s", args, got.Code, got.Out, got.Err)
			}
		}
	})
}

// TestOddImports: imports that nothing needs and that cannot be built fail nothing, and google.protobuf.Timestamp is
// the one that everybody knows, whatever else goes by its name.
func TestOddImports(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, oddImports, nil)
	const body = `{"payload":{"body":"YQ=="}}`
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"list", addr}, testService + "\n"},
		{[]string{"list", addr, "TestService", "-l"}, testService + "/UnaryCall (grpc.testing.SimpleRequest) returns"},
		{[]string{"describe", addr, "SimpleRequest"}, "message SimpleRequest {\n"},
		{[]string{"call", addr, "UnaryCall", "--compact", "-d", body}, body},
		{[]string{"bench", addr, "UnaryCall", "-n", "10"}, "calls        10"},
	} {
		if got := fairlead(t, "", tt.args...); got.Code != 0 || !strings.Contains(got.Out, tt.want) {
			t.Errorf("%q: got code %d, %s%s", tt.args, got.Code, got.Out, got.Err)
		}
	}
}

func TestCalls(t *testing.T) {
	addr, _ := serve(t, both, nil)
	a, b := b64("a"), b64("bcd")
	large := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(large, []byte(`{"payload":{"body":"`+strings.Repeat("AAAA", 3<<20)+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		stdin string
		args  []string
		code  int
		out   string
		err   []string // parts
	}{
		{
			name: "unary", args: []string{"UnaryCall", "-d", `{"payload":{"body":"` + a + `"}}`},
			out: `{"payload":{"body":"` + a + `"}}` + "\n",
		},
		{
			name: "server stream",
			args: []string{
				"StreamingOutputCall", "-d", `{"payload":{"body":"` + a + `"},"responseParameters":[{},{"size":1},{}]}`,
			},
			out: strings.Repeat(`{"payload":{"body":"`+a+`"}}`+"\n", 3),
		},
		{
			name: "client stream", args: []string{"StreamingInputCall"},
			stdin: `{"payload":{"body":"` + a + `"}}` + "\n" + `{"payload":{"body":"` + b + `"}}`,
			out:   `{"aggregatedPayloadSize":4}` + "\n",
		},
		{
			name: "bidirectional", args: []string{"FullDuplexCall"},
			stdin: `{"payload":{"body":"` + a + `"}}` + "\n" + `{"payload":{"body":"` + b + `"}}`,
			out:   `{"payload":{"body":"` + a + `"}}` + "\n" + `{"payload":{"body":"` + b + `"}}` + "\n",
		},
		{
			name: "an error on a stream", args: []string{"FullDuplexCall"}, code: 64 + 9,
			stdin: `{"payload":{"body":"` + a + `"}} {"responseStatus":{"code":9}} {} {}`,
			out:   `{"payload":{"body":"` + a + `"}}` + "\n", err: []string{"FAILED_PRECONDITION (9): as was asked"},
		},
		{
			name: "headers", args: []string{"UnaryCall", "-v", "-H", "Echo-Text: x, y", "-H", "echo-raw-bin: AAH/"},
			out: "{\"payload\":{}}\n",
			err: []string{"<   echo-text: x, y\n", "<   echo-raw-bin: AAH/\n", "< response trailers:\n<   at-the-end: t\n"},
		},
		{
			name: "deadline", args: []string{"UnaryCall", "-v", "--timeout", "1m"}, out: "{\"payload\":{}}\n",
			err: []string{"<   deadline: yes\n"},
		},
		{
			name: "deadline exceeded", args: []string{"UnaryCall", "--timeout", "2s", "-d", `{"payload":{"body":"` +
				b64("hold") + `"}}`},
			code: 64 + 4, err: []string{"DEADLINE_EXCEEDED (4)"},
		},
		{
			name: "details", args: []string{"UnaryCall", "-d", `{"payload":{"body":"` + b64("details") + `"}}`}, code: 64 + 3,
			err: []string{
				"INVALID_ARGUMENT (3): wrong in part\n", `  google.rpc.BadRequest: {"fieldViolations":[{"field":"payload.body"}]}`,
				`  grpc.testing.Payload: {"body":"` + b64("known by reflection") + `"}`,
			},
		},
		{
			name: "large response", args: []string{"UnaryCall", "-d", fmt.Sprintf(`{"responseSize":%d}`, 8<<20)},
			out: `{"payload":{"body":"` + base64.StdEncoding.EncodeToString(make([]byte, 8<<20)) + "\"}}\n",
		},
		{
			name: "large request", args: []string{"UnaryCall", "-d", "@" + large},
			out: `{"payload":{"body":"` + strings.Repeat("AAAA", 3<<20) + "\"}}\n",
		},
		{
			name: "compressed", args: []string{"UnaryCall", "--compress", "gzip", "-d", `{"payload":{"body":"` + a + `"}}`},
			out: `{"payload":{"body":"` + a + `"}}` + "\n",
		},
		{
			name: "compression that the server does not know", args: []string{"UnaryCall", "--compress", "zstd"}, code: 64 + 12,
			err: []string{"UNIMPLEMENTED (12)"},
		},
		{
			name: "a method that is not implemented", args: []string{"UnimplementedCall"}, code: 64 + 12,
			err: []string{"UNIMPLEMENTED (12): method UnimplementedCall not implemented"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fairlead(t, tt.stdin, append([]string{"call", addr, "--compact"}, tt.args...)...)
			for _, part := range append(tt.err, "") {
				if got.Code != tt.code || got.Out != tt.out || !strings.Contains(got.Err, part) {
					t.Errorf("got code %d, output\n%.300s\n%.2000s\nwant code %d, output\n%.300s\n%s", got.Code, got.Out, got.Err,
						tt.code, tt.out, part)
				}
			}
		})
	}
}

func TestTLS(t *testing.T) {
	c := testtls.New(t)
	mutual := c.Server()
	mutual.ClientAuth = tls.RequireAnyClientCert
	addr, _ := serve(t, both, c.Server())
	strict, _ := serve(t, both, mutual)
	for _, tt := range []struct {
		name string
		addr string
		args []string
		want string
		code int
	}{
		{"tls", addr, []string{"--ca", c.CAFile}, "protocol h2", 0},
		{"server name", addr, []string{"--ca", c.CAFile, "--server-name", testtls.ServerName}, "ships.example", 0},
		{"insecure", addr, []string{"--insecure"}, "NOT verified", 0},
		{"mutual", strict, []string{"--ca", c.CAFile, "--cert", c.CertFile, "--key", c.KeyFile}, "client: ships.example", 0},
		{"mutual without", strict, []string{"--ca", c.CAFile}, "give one with --cert and --key", 1},
		{"no ca", addr, []string{"--tls"}, "name it with --ca FILE", 1},
		{"plaintext to TLS", addr, nil, "--tls", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := fairlead(t, "", append([]string{"call", tt.addr, "UnaryCall", "-v"}, tt.args...)...)
			if got.Code != tt.code || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got code %d and\n%s\nwant %q in it", got.Code, got.Err, tt.want)
			}
		})
	}
	plain, _ := serve(t, both, nil)
	got := fairlead(t, "", "call", plain, "UnaryCall", "--tls")
	if got.Code != 1 || !strings.Contains(got.Err, "the server does not speak TLS; add --plaintext") {
		t.Errorf("TLS to plaintext: got code %d and\n%s", got.Code, got.Err)
	}
}

func TestServerGone(t *testing.T) {
	addr, _ := serve(t, both, nil)
	got := fairlead(t, "", "call", addr, "StreamingOutputCall", "--compact", "-d",
		`{"responseParameters":[{}],"responseStatus":{"code":1,"message":"die"}}`)
	if got.Code != 64+14 || !strings.HasPrefix(got.Err, "UNAVAILABLE (14): ") || strings.Contains(got.Err, "hint") {
		t.Errorf("got code %d and %s%s", got.Code, got.Out, got.Err)
	}
}

// TestInterrupt: Ctrl-C gives the call up, and the server learns of it.
func TestInterrupt(t *testing.T) {
	addr, s := serve(t, both, nil)
	cmd := exec.Command(program.Path(t), "call", addr, "FullDuplexCall", "--compact")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	interrupt(t, cmd, func(out *bufio.Reader) {
		if _, err := stdin.Write([]byte("{}\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); err != nil || line != "{}\n" {
			t.Fatalf("got %q, %v", line, err)
		}
	})
	cmd = exec.Command(program.Path(t), "call", addr, "UnaryCall", "-d",
		`{"payload":{"body":"`+b64("hold")+`"}}`)
	interrupt(t, cmd, func(*bufio.Reader) { <-s.held })
	<-s.gone
}

// interrupt starts a command and interrupts it when ready returns.
func interrupt(t *testing.T, cmd *exec.Cmd, ready func(out *bufio.Reader)) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready(bufio.NewReader(out))
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 64+1 {
		t.Errorf("got %v and\n%s\nwant exit code 65", err, errs.String())
	}
}

// terminal opens a pseudo-terminal: what is written to the first end was entered at the second.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// TestInteractive: messages are sent as they are entered at a terminal, and mistakes can be corrected.
func TestInteractive(t *testing.T) {
	addr, _ := serve(t, both, nil)
	keyboard, screen := terminal(t)
	cmd := exec.Command(program.Path(t), "call", addr, "FullDuplexCall", "--compact")
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = screen, &errs
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	for _, text := range []string{"a", "b"} {
		fmt.Fprintf(keyboard, "{\"paylod\": {}}\n{\"payload\": {\"body\": \"%s\"}}\n", b64(text))
		line, err := out.ReadString('\n')
		if want := `{"payload":{"body":"` + b64(text) + "\"}}\n"; err != nil || line != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
	if _, err := keyboard.Write([]byte{4}); err != nil { // Ctrl-D
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, errs.String())
	}
	for _, part := range []string{
		"Enter messages of type grpc.testing.StreamingOutputCallRequest as JSON",
		"stdin:1:2: there is no field \"paylod\" in grpc.testing.StreamingOutputCallRequest; did you mean payload?",
	} {
		if !strings.Contains(errs.String(), part) {
			t.Errorf("got\n%s\nwant in it %s", errs.String(), part)
		}
	}
}

package call

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// listen accepts connections and gives each to talk, until the test ends.
func listen(t *testing.T, talk func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				talk(c)
				_, _ = io.Copy(io.Discard, c) // until the client gives up
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// The SETTINGS of a server, and its acknowledgement of the client's (RFC 9113, section 6.5).
const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x00\x04\x01\x00\x00\x00\x00"

// TestTimeout: --timeout is for all that a command does. With an hour to connect in, a command that passes over it does
// not end.
func TestTimeout(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(net.Conn) {})
	greeting := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, settings) })
	sh := serve(t, served{reflection: true})
	unwritten, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() }) // the reader ends
	const noAnswer = "no answer in time"
	asking := "asking " + greeting + " for its contract: the time of --timeout 2s is over"
	tests := []struct {
		name    string
		command func() *cobra.Command
		args    []string
		stdin   io.Reader
		want    string
	}{
		{"call, connecting", New, []string{silent, "A/B"}, nil, noAnswer},
		{"call, TLS", New, []string{"--insecure", silent, "A/B"}, nil, "did not answer the TLS handshake"},
		{"call, reflection", New, []string{greeting, "A/B"}, nil, asking},
		{"call, stdin", New, []string{sh.addr, "Get", "-d", "@-"}, unwritten, "the time of --timeout 2s is over"},
		{"list, connecting", NewList, []string{silent}, nil, "the server took the connection and said nothing"},
		{"list, reflection", NewList, []string{greeting}, nil, asking},
		{"list, methods", NewList, []string{greeting, "A"}, nil, asking},
		{"describe, connecting", NewDescribe, []string{silent}, nil, noAnswer},
		{"describe, reflection", NewDescribe, []string{greeting, "A"}, nil, asking},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, tt.command(), tt.stdin, append(tt.args, "--timeout", "2s", "--connect-timeout", "1h")...)
			if got.Code != 1 || got.Out != "" || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got code %d, %q, %s; want %s", got.Code, got.Out, got.Err, tt.want)
			}
		})
	}
}

// TestConnectTimeout: questions about the contract have an end without --timeout, too.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	greeting := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, settings) })
	for name, command := range map[string]func() *cobra.Command{"list": NewList, "describe": NewDescribe} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, command(), nil, greeting, "A", "--connect-timeout", "2s")
			if got.Code != 1 || !strings.Contains(got.Err, "the time of --connect-timeout 2s is over") {
				t.Errorf("got code %d, %s", got.Code, got.Err)
			}
		})
	}
}

// TestOtherProtocols: what is no gRPC server is told by what it says.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "the server answers in HTTP/1.1",
		"<!DOCTYPE HTML>\n<html>":          `the server answers with text, "<!DOCTYPE HTML>", and not in HTTP/2`,
		"SSH-2.0-OpenSSH_9.2\r\n":          `the server answers with text, "SSH-2.0-OpenSSH_9.2"`,
	} {
		addr := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, words) })
		got := clitest.Run(t, NewList(), nil, addr)
		if got.Code != 1 || !strings.Contains(got.Err, want) ||
			!strings.Contains(got.Err, addr+": it does not speak HTTP/2 (after ") {
			t.Errorf("%q: got code %d, %s", words, got.Code, got.Err)
		}
	}
}

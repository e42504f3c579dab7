package dial

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/transport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestParseAddress(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, target         string
		secure, plain, local bool
	}{
		{"localhost:8080", "localhost:8080", false, false, true},
		{":8080", ":8080", false, false, true},
		{"127.0.0.2:8080", "127.0.0.2:8080", false, false, true},
		{"[::1]:8080", "[::1]:8080", false, false, true},
		{"app.localhost:80", "app.localhost:80", false, false, true},
		{"greeter:8080", "greeter:8080", false, false, false},
		{"10.0.0.7:8080", "10.0.0.7:8080", false, false, false},
		{"unix:/run/a.sock", "unix:///run/a.sock", false, false, true},
		{"unix:a.sock", "unix://a.sock", false, false, true},
		{"unix:///run/a.sock", "unix:///run/a.sock", false, false, true},
		{"unix-abstract:greeter", "unix-abstract:greeter", false, false, true},
		{"grpc://greeter:8080", "greeter:8080", false, true, false},
		{"GRPCS://greeter", "greeter:443", true, false, false},
		{"https://greeter/", "greeter:443", true, false, false},
		{"http://127.0.0.1", "127.0.0.1:80", false, true, true},
		{"https://[::1]", "[::1]:443", true, false, true},
		{"https://[2001:db8::1]:8443", "[2001:db8::1]:8443", true, false, false},
		{"dns:///localhost:1", "dns:///localhost:1", false, false, true},
		{"dns:///greeter:1", "dns:///greeter:1", false, false, false},
		{"dns:localhost:1", "dns:localhost:1", false, false, true},
		{"dns:greeter:1", "dns:greeter:1", false, false, false},
		{"static:///127.0.0.1:1, [::1]:2", "", false, false, false},
		{"static:///127.0.0.1:1,[::1]:2", "static:///127.0.0.1:1,[::1]:2", false, false, true},
		{"static:///127.0.0.1:1,10.0.0.7:2", "static:///127.0.0.1:1,10.0.0.7:2", false, false, false},
		{"consul:///greeter", "consul:///greeter", false, false, false},
		{"", "", false, false, false},
		{"a b", "", false, false, false},
		{"grpc://", "", false, false, false},
		{"grpc://a:1/b", "", false, false, false},
		{"grpc://a:1?b", "", false, false, false},
		{"grpc://me:secret@a:1", "", false, false, false},
	}
	for _, tt := range tests {
		got, err := ParseAddress(tt.text)
		if tt.target == "" {
			if err == nil {
				t.Errorf("%q: got %+v, want an error", tt.text, got)
			}
			continue
		}
		if want := (Address{tt.text, tt.target, tt.secure, tt.plain, tt.local}); err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", tt.text, got, err, want)
		}
	}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	tests := []struct {
		flags, addr string
		want        bool
		err         string
	}{
		{"", "localhost:1", false, ""},
		{"", "greeter:1", true, ""},
		{"", "unix:/a", false, ""},
		{"--tls", "localhost:1", true, ""},
		{"--ca x", "localhost:1", true, ""},
		{"--insecure", "localhost:1", true, ""},
		{"--server-name x", "localhost:1", true, ""},
		{"--cert x", "localhost:1", true, ""},
		{"--plaintext", "greeter:1", false, ""},
		{"", "grpc://greeter:1", false, ""},
		{"", "grpcs://localhost:1", true, ""},
		{"--plaintext", "grpcs://a:1", false, "--plaintext and grpcs://"},
		{"--tls", "http://a:1", false, "--tls and http:// exclude each other; write https://"},
	}
	for _, tt := range tests {
		cmd := &cobra.Command{}
		f := AddFlags(cmd)
		if err := cmd.ParseFlags(strings.Fields(tt.flags)); err != nil {
			t.Fatal(err)
		}
		a, err := ParseAddress(tt.addr)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Secure(a)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s %s: got error %v, want %s", tt.flags, tt.addr, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%s %s: got %v, %v; want %v", tt.flags, tt.addr, got, err, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"--timeout -1s":          "--timeout is -1s",
		"--deadline -1s":         "--timeout is -1s",
		"--connect-timeout 0s":   "--connect-timeout is 0s",
		"--key x":                "--key needs --cert",
		"-I x":                   "--proto-path needs --proto",
		"--plaintext --insecure": "--plaintext and --insecure",
		"--ca x --insecure":      "--insecure and --ca",
		"--compress lz4":         "--compress lz4: must be",
		"--protocol thrift":      "--protocol thrift: must be grpc",
		"--http1":                "gRPC needs HTTP/2",
		"-H x --compress lz4":    "--compress lz4",
	} {
		cmd := &cobra.Command{}
		f := AddFlags(cmd)
		if err := cmd.ParseFlags(strings.Fields(flags)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Open(t.Context(), "localhost:1", Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", flags, err, want)
		}
	}
	cmd := &cobra.Command{}
	AddFlags(cmd, Connection)
	if cmd.Flags().Lookup("timeout") != nil || cmd.Flags().Lookup("ca") == nil || cmd.Flags().Lookup("proto") != nil {
		t.Error("there are flags of other groups")
	}
}

// TestFiles: files that flags name have limits, which errors name.
func TestFiles(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("there is no /dev/zero")
	}
	for flags, want := range map[string]string{
		"--ca /dev/zero":         "--ca: /dev/zero has more than 16 MiB",
		"--tls --cert /dev/zero": "--cert /dev/zero, --key /dev/zero: /dev/zero has more than 16 MiB",
		"-H @/dev/zero":          "--header: /dev/zero has more than 1 MiB",
	} {
		cmd := &cobra.Command{}
		f := AddFlags(cmd)
		if err := cmd.ParseFlags(strings.Fields(flags)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Open(t.Context(), "localhost:1", Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", flags, err, want)
		}
	}
}

func TestLimitSetUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags string
		want  time.Duration
	}{
		{"", 10 * time.Second},
		{"--timeout 3s", 3 * time.Second},
		{"--timeout 1ms", time.Second},
		{"--timeout 1m", 10 * time.Second},
		{"--timeout 1ms --connect-timeout 2s", 2 * time.Second},
	} {
		cmd := &cobra.Command{}
		f := AddFlags(cmd)
		if err := cmd.ParseFlags(strings.Fields(tt.flags)); err != nil {
			t.Fatal(err)
		}
		if f.LimitSetUp(cmd.Flags().Changed); f.ConnectTimeout != tt.want {
			t.Errorf("%q: got %s, want %s", tt.flags, f.ConnectTimeout, tt.want)
		}
	}
}

func TestIsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<!DOCTYPE HTML>\r\n<html>":            `"<!DOCTYPE HTML>"`,
		"SSH-2.0-OpenSSH_9.2":                  `"SSH-2.0-OpenSSH_9.2…"`,
		"220 mail.example\n":                   `"220 mail.example"`,
		"-ERR\xff wrong\n":                     "\"-ERR\ufffd wrong\"",
		"\x00\x00\x12\x04\x00\x00\x00\x00\x00": "",
		"\x15\x03\x01\x00\x02":                 "",
		"abc":                                  "",
	} {
		got := ""
		if isText([]byte(text)) {
			got = beginning([]byte(text))
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{
		"1": 1, "4096": 4096, "64KiB": 64 << 10, "64k": 64 << 10, "1.5MiB": 3 << 19, "10MB": 10e6, "1 GiB": 1 << 30, "5b": 5,
	} {
		var s Size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: got %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "x", "1x", "3GiB", "NaN", "1e300", "KiB"} {
		var s Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, s)
		}
	}
	for s, want := range map[Size]string{1: "1", 64 << 20: "64MiB", 1 << 30: "1GiB", 2048: "2KiB", 1000: "1000"} {
		if got := s.String(); got != want {
			t.Errorf("%d: got %s, want %s", s, got, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(path, []byte("# secret\nAuthorization: Bearer x:y\n\n  a : b \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("a: b\nbroken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	md, err := (&Flags{
		header: []string{"X-One: 1", "x-one:2", "empty:", "raw-bin: AP8=", "url-bin: AP-_", "@" + path},
	}).Metadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for k, v := range md.All() {
		got = append(got, k+"="+v)
	}
	want := "x-one=1 x-one=2 empty= raw-bin=\x00\xff url-bin=\x00\xff\xbf authorization=Bearer x:y a=b"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"no colon": "want \"name: value\"", ": x": "the name is empty", "a b: c": "a name has letters",
		"a-bin: %%%": "in base64", "a: ü": "not printable ASCII", "host: a": "--authority", "grpc-timeout: 1S": "--timeout",
		"content-type: x": "the protocol's own", "@/no/such": "/no/such", "@" + bad: bad + ":2: ",
	} {
		flags := Flags{header: []string{text}}
		if _, err := flags.Metadata(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %s", text, err, want)
		}
	}
}

// pieces is a connection that delivers bytes in pieces.
type pieces struct {
	transport.Conn

	view  []byte
	queue [][]byte
}

func (p *pieces) Peek(n int) ([]byte, error) {
	for len(p.view) < n {
		if len(p.queue) == 0 {
			return p.view, io.EOF
		}
		p.view = append(p.view, p.queue[0]...)
		p.queue = p.queue[1:]
	}
	return p.view, nil
}

func (p *pieces) Discard(n int) { p.view = p.view[n:] }

// TestWatched: the head of a response is found however the bytes arrive.
func TestWatched(t *testing.T) {
	t.Parallel()
	frame := func(typ byte, size int) []byte {
		return append([]byte{0, byte(size >> 8), byte(size), typ, 0, 0, 0, 0, 1}, bytes.Repeat([]byte{1}, size)...)
	}
	before := append(frame(4, 30), frame(6, 8)...)
	all := append(append(append([]byte{}, before...), frame(1, 300)...), frame(0, 7)...)
	for size := 1; size < len(all); size++ {
		p := &pieces{}
		for b := all; len(b) > 0; {
			n := min(size, len(b))
			p.queue = append(p.queue, b[:n])
			b = b[n:]
		}
		tr := new(trace)
		s := &Server{trace: tr}
		s.Mark()
		w := &watched{Conn: p, trace: tr, addr: "a", all: true}
		read := 0
		for read < len(all) {
			b, err := w.Peek(1)
			if err != nil {
				t.Fatal(err)
			}
			_, there := s.FirstByte()
			if have := read + len(b); there != (have >= len(before)+9) {
				t.Fatalf("pieces of %d: a head was seen is %v after %d bytes", size, there, have)
			}
			n := max(1, len(b)/2)
			w.Discard(n)
			read += n
		}
		if got := tr.first["a"]; len(got) == 0 || got[0] != 0 {
			t.Errorf("pieces of %d: the first bytes are %x", size, got)
		}
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 123: "123ns", 123456: "123µs", 1234567: "1.23ms", 12345678: "12.3ms", 1234567890: "1.23s",
		83 * time.Second: "1m23s",
	} {
		if got := Round(d).String(); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

package doctor

import (
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// files makes a file system of texts.
func files(texts map[string]string) fs.FS {
	fsys := make(fstest.MapFS)
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// examine returns an examination with the defaults of the flags, which change may change.
func examine(t *testing.T, change func(*options)) *examination {
	t.Helper()
	o := &options{
		module: t.TempDir(), expiry: 30 * 24 * time.Hour, pings: 5, interval: time.Millisecond, readings: leastReadings,
		dial: &dial.Flags{ConnectTimeout: 5 * time.Second},
	}
	if change != nil {
		change(o)
	}
	x, err := newExamination(o, cli.NewProgress(nil))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// results runs one check.
func results(t *testing.T, x *examination, name string) []Result {
	t.Helper()
	for _, c := range checks() {
		if c.name == name {
			f := &findings{check: name}
			ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(20*time.Second))
			defer cancel()
			c.run(ctx, x, f)
			return f.list
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}

// want says what one result is to be like.
type want struct {
	status Status
	text   string // a part of subject, reason or remedy
}

func compare(t *testing.T, got []Result, wants ...want) {
	t.Helper()
	ok := len(got) == len(wants)
	for i := 0; ok && i < len(got); i++ {
		text := got[i].Subject + ": " + got[i].Reason + " | " + got[i].Remedy
		ok = got[i].Status == wants[i].status && strings.Contains(text, wants[i].text)
	}
	if !ok {
		t.Errorf("got %d results", len(got))
		for _, r := range got {
			t.Errorf("got %s: %s: %s | %s", r.Status, r.Subject, r.Reason, r.Remedy)
		}
		for _, w := range wants {
			t.Errorf("want %s: … %s …", w.status, w.text)
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommand(t *testing.T) {
	t.Parallel()
	bad, good := t.TempDir(), t.TempDir()
	write(t, bad, "go.mod", "module example.com/bad\n\ngo 1.26\n\nrequire golang.org/x/net v0.16.0\n")
	write(t, good, "go.mod", "module example.com/good\n\ngo 1.26\n")
	tests := []struct {
		name string
		args []string
		code int
		want string // in the output, or on the error output
	}{
		{"nothing wrong", []string{"--only", "versions", "--module", good}, cli.ExitOK,
			"1 ok, 0 warnings, 0 failed, 0 skipped\n"},
		{"faults", []string{"--only", "versions", "--module", bad}, cli.ExitFound,
			"do: go get golang.org/x/net@v0.17.0\n"},
		{"sources", []string{"--only", "versions", "--module", bad}, cli.ExitFound,
			"see: https://pkg.go.dev/vuln/GO-2023-2102\n"},
		{"skipped", []string{"--only", "dns,ports,tls-files,tls,keepalive,growth"}, cli.ExitOK, "6 skipped\n"},
		{"an unknown check", []string{"--only", "dsn"}, cli.ExitUsage,
			"--only dsn: there is no such check; there are versions"},
		{"what was meant", []string{"--only", "dsn"}, cli.ExitUsage, `did you mean "dns"?`},
		{"too few readings", []string{"--readings", "2"}, cli.ExitUsage, "two say nothing about growth"},
		{"several", []string{"--readings", "2", "--pings", "0", "--interval", "0s", "--keepalive", "1s"}, cli.ExitUsage,
			"--pings is 0, want 1 or more"},
		{"no port", []string{"--address", "example.com"}, cli.ExitUsage,
			"--address example.com: address example.com: missing port"},
		{"no program", []string{"--binary", filepath.Join(good, "none")}, cli.ExitFailed, "--binary: stat "},
		{"no module", []string{"--module", filepath.Join(good, "none")}, cli.ExitFailed, "--module: stat "},
		{"a key alone", []string{"--key", "k"}, cli.ExitUsage, "--key needs --cert"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), nil, tt.args...)
			if got.Code != tt.code || !strings.Contains(got.Out+got.Err, tt.want) {
				t.Errorf("exit code %d, want %d, and %q:\n%s%s", got.Code, tt.code, tt.want, got.Out, got.Err)
			}
			if talk := tt.code == cli.ExitUsage || tt.code == cli.ExitFailed; talk && got.Out != "" || !talk && got.Err != "" {
				t.Errorf("got %q and %q", got.Out, got.Err)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/bad\n\ngo 1.26\n\nrequire google.golang.org/grpc v1.64.0\n")
	got := clitest.Run(t, New(), nil, "--only", "versions,dns", "--module", dir, "--format", "json")
	var r report
	if err := json.Unmarshal([]byte(got.Out), &r); err != nil || got.Code != cli.ExitFound {
		t.Fatalf("exit code %d, %v: %s%s", got.Code, err, got.Out, got.Err)
	}
	if r.Counts[Fail] != 2 || r.Counts[Warn] != 1 || r.Counts[Skipped] != 1 || r.Counts[OK] != 0 || len(r.Results) != 4 {
		t.Errorf("got %+v", r)
	}
	for _, one := range r.Results {
		if one.Status == Fail && (one.Check != "versions" || one.Remedy == "" || len(one.Sources) == 0) {
			t.Errorf("got %+v", one)
		}
	}
}

func TestStrict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/old\n\ngo 1.26\n\nrequire (\n\tgithub.com/golang/protobuf v1.5.3\n"+
		"\tgoogle.golang.org/protobuf v1.36.0\n)\n")
	for _, tt := range []struct {
		args []string
		code int
	}{{nil, cli.ExitOK}, {[]string{"--strict"}, cli.ExitFound}} {
		got := clitest.Run(t, New(), nil, append(tt.args, "--only", "versions", "--module", dir)...)
		if got.Code != tt.code || !strings.Contains(got.Out, "0 ok, 1 warning, 0 failed, 0 skipped\n") {
			t.Errorf("%v: exit code %d, %s%s", tt.args, got.Code, got.Out, got.Err)
		}
	}
}

// TestLimit: the default time limit has room for the checks that wait on purpose.
func TestLimit(t *testing.T) {
	t.Parallel()
	o := options{pings: 5, interval: 2 * time.Second, readings: 6}
	if got, want := o.limit(), 2*time.Minute; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o.keepalive, o.admin = 10*time.Second, "127.0.0.1:1"
	if got, want := o.limit(), 2*time.Minute+50*time.Second+12*time.Second; got != want {
		t.Errorf("with --keepalive and --admin: got %s, want %s", got, want)
	}
	o.timeout = time.Second
	if got := o.limit(); got != time.Second {
		t.Errorf("with --timeout: got %s, want 1s", got)
	}
}

// TestHelp: the help lists all checks.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, name := range names() {
		if !strings.Contains(New().Long, "\n  "+name+" ") {
			t.Errorf("the help says nothing of %s", name)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, network, addr, host string
		secure                    bool
	}{
		{"127.0.0.1:80", "tcp", "127.0.0.1:80", "127.0.0.1", false},
		{"example.com:443", "tcp", "example.com:443", "example.com", true},
		{"[::1]:80", "tcp", "[::1]:80", "::1", false},
		{":8080", "tcp", ":8080", "", false},
		{"dns:///shop:8080", "tcp", "shop:8080", "shop", true},
		{"static:///127.0.0.1:1,127.0.0.1:2", "tcp", "127.0.0.1:1", "127.0.0.1", false},
		{"grpcs://shop", "tcp", "shop:443", "shop", true},
		{"grpc://shop:1", "tcp", "shop:1", "shop", false},
		{"unix:/run/shop", "unix", "/run/shop", "", false},
	}
	for _, tt := range tests {
		e, err := newEndpoint(tt.text, &dial.Flags{})
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if e.network != tt.network || e.addr != tt.addr || e.host != tt.host || e.secure != tt.secure {
			t.Errorf("%s: got %+v, want %+v", tt.text, e, tt)
		}
	}
}

// listen returns a listener on a free port of this machine.
func listen(t *testing.T) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

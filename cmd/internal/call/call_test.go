package call

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

// lines joins lines, each of which gets an end.
func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }

func TestCall(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	file := filepath.Join(t.TempDir(), "request.json")
	if err := os.WriteFile(file, []byte("{\n  \"name\": \"from a file\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		stdin string
		code  int
		out   string
		err   string // a part
	}{
		{
			name: "unary",
			args: []string{"shop.v1.Shop/Get", "-d", `{"name": "Ann"}`},
			out:  lines("{", `  "name": "Ann"`, "}"),
		},
		{
			name: "short name, compact", args: []string{"Get", "-d", `{"name":"Ann"}`, "--compact"},
			out: lines(`{"name":"Ann"}`),
		},
		{name: "a file", args: []string{"Get", "-d", "@" + file, "--compact"}, out: lines(`{"name":"from a file"}`)},
		{name: "stdin", args: []string{"Get", "-d", "@-", "--compact"}, stdin: `{"name":"in"}`, out: lines(`{"name":"in"}`)},
		{name: "stdin is not read unasked", args: []string{"Get"}, stdin: `{"name":"in"}`, code: 67, err: "INVALID_ARGUMENT"},
		{
			name: "text format", args: []string{"Get", "-d", `name: "Ann"`, "--format", "text"},
			out: lines(`name: "Ann"`),
		},
		{
			name: "server stream", args: []string{"List", "-d", `{"name":"x","size":2}`, "--compact"},
			out: lines(`{"name":"x 0"}`, `{"name":"x 1"}`),
		},
		{
			name: "client stream", args: []string{"Collect", "--compact"},
			stdin: "{\"name\":\"a\"}\n{\"name\":\n\"b\"}{\"name\":\"c\"}",
			out:   lines(`{"names":["a","b","c"],"count":3}`),
		},
		{name: "client stream of none", args: []string{"Collect", "--compact"}, out: lines(`{}`)},
		{
			name: "several data",
			args: []string{"Collect", "--compact", "-d", `{"name":"a"} {"name":"b"}`, "-d", `{"name":"c"}`},
			out:  lines(`{"names":["a","b","c"],"count":3}`),
		},
		{
			name: "bidirectional", args: []string{"Chat", "-d", "@"}, stdin: `{"name":"a"}` + "\x1e" + `{"name":"b"}`,
			out: lines("{", `  "name": "a"`, "}", "{", `  "name": "b"`, "}"),
		},
		{
			name: "text format, several", args: []string{"Chat", "-d", "@", "--format", "text"},
			stdin: "name: \"a\"\x1ename: \"b\"\ntags: 'x'\n",
			out:   lines(`name: "a"`, "", `name: "b"`, `tags: "x"`),
		},
		{
			name: "text format, compact",
			args: []string{"Chat", "-d", `name: "a  b" tags: "x"`, "--format", "text", "--compact"},
			out:  lines(`name:"a  b" tags:"x"`),
		},
		{
			name: "all kinds of values",
			args: []string{"Chat", "--compact", "-d", `{"name":"a","price":"7","color":"COLOR_RED","stock":{"x":1},` +
				`"picture":"AQI=","parts":[{"name":"p","of":{"name":"q"}}],"country":"DE",` +
				`"madeAt":"2026-01-02T03:04:05Z","lasts":"1.5s",` +
				`"extra":{"@type":"type.example/shop.v1.Gift","to":"Bob"},"note":"n","data":{"k":[1,null]},"mask":"a,b","kg":2.5}`},
			out: lines(`{"name":"a","price":"7","color":"COLOR_RED","stock":{"x":1},"picture":"AQI=",` +
				`"parts":[{"name":"p","of":{"name":"q"}}],"country":"DE","madeAt":"2026-01-02T03:04:05Z","lasts":"1.500s",` +
				`"extra":{"@type":"type.example/shop.v1.Gift","to":"Bob"},"note":"n","data":{"k":[1,null]},"mask":"a,b","kg":2.5}`),
		},
		{
			name: "defaults", args: []string{"Collect", "--compact", "--emit-defaults"},
			out: lines(`{"names":[],"count":0}`),
		},
		{
			name: "unknown fields", args: []string{"Get", "-d", `{"name":"a","x":1}`, "--unknown-fields", "--compact"},
			out: lines(`{"name":"a"}`),
		},
		{
			name: "timeout", args: []string{"Get", "-d", `{"name":"slow"}`, "--timeout", "2s"}, code: 68,
			err: "hint: the time of --timeout is over, ",
		},
		{
			name: "deadline", args: []string{"Get", "-d", `{"name":"deadline"}`, "--deadline", "10s", "--compact"},
			out: lines(`{"name":"has a deadline: true"}`),
		},
		{
			name: "compressed", args: []string{"Get", "-d", `{"name":"a"}`, "--compress", "gzip", "--compact"},
			out: lines(`{"name":"a"}`),
		},
		{
			name: "too large", args: []string{"Get", "-d", `{"name":"a","size":5000}`, "--max-message", "4KiB"}, code: 72,
			err: "--max-message",
		},
		{
			name: "details", args: []string{"Get", "-d", `{"name":"missing"}`}, code: 69,
			err: lines("NOT_FOUND (5): no such item", "  google.rpc.ErrorInfo: {", `    "reason": "MISSING",`,
				`    "domain": "shop"`, "  }", "  type.example/gone.Type (unknown here, base64): AQI=",
				"  shop.v1.Gift: {", `    "to": "Ann"`, "  }"),
		},
		{
			name: "details as JSON", args: []string{"Get", "--error-format", "json"}, code: 67,
			err: lines("{", `  "code": 3,`, `  "message": "name is empty",`, `  "details": [`, "    {",
				`      "@type": "type.googleapis.com/google.rpc.BadRequest",`),
		},
		{
			name: "no terminal commands", args: []string{"Get", "-d", `{"name":"escape"}`}, code: 74,
			err: "ABORTED (10): a\ufffd[2Jb",
		},
		{
			name: "an error behind messages", args: []string{"List", "-d", `{"name":"broken","size":1}`, "--compact"}, code: 79,
			out: lines(`{"name":"broken 0"}`), err: "DATA_LOSS (15): broken off",
		},
		{
			name: "an error before the input's end", args: []string{"Collect"}, code: 75,
			stdin: strings.Repeat(`{"name":"enough"} `, 1000), err: "OUT_OF_RANGE (11): enough",
		},
		{
			name: "malformed", args: []string{"Get", "-d", `{"name": Ann}`}, code: 1,
			err: lines(`--data:1:10: invalid character 'A' looking for beginning of value`, `  {"name": Ann}`, `           ^`),
		},
		{
			name: "a stream with a malformed message", args: []string{"Chat", "--compact"}, code: 1,
			stdin: "{\"name\":\"a\"}\n{\"nam\":1}\n",
			err:   lines(`stdin:2:2: there is no field "nam" in shop.v1.Item; did you mean name?`, `  {"nam":1}`, `   ^`),
		},
		{
			name: "one too many", args: []string{"Get", "-d", "{}\n {}"}, code: 1,
			err: "--data:2:2: shop.v1.Shop/Get takes one message, and here begins another",
		},
		{name: "no such file", args: []string{"Get", "-d", "@/no/such/file"}, code: 1, err: "/no/such/file"},
		{
			name: "no such method", args: []string{"shop.v1.Shop/Gte"}, code: 1,
			err: "there is no method \"shop.v1.Shop/Gte\" in ADDRESS; did you mean shop.v1.Shop/Get?",
		},
		{name: "no method", args: nil, code: 2, err: "METHOD is missing"},
		{name: "one argument too many", args: []string{"Get", "{}"}, code: 2, err: `unexpected argument "{}"`},
		{name: "bad flag", args: []string{"Get", "--error-format", "xml"}, code: 2, err: "--error-format xml"},
		{name: "bad header", args: []string{"Get", "-H", "no colon"}, code: 2, err: `--header: want "name: value"`},
		{name: "gRPC over HTTP/1.1", args: []string{"Get", "--http1"}, code: 2, err: "gRPC needs HTTP/2"},
	}
	for _, how := range [][]string{
		{"--protocol", "connect"}, {"--protocol", "connect", "--http1"}, {"--protocol", "grpc-web"},
	} {
		for _, tt := range tests[:12] {
			tt.name += " " + strings.Join(how, " ")
			tt.args = append(slices.Clip(tt.args), how...)
			tests = append(tests, tt)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), strings.NewReader(tt.stdin), append([]string{sh.addr}, tt.args...)...)
			got.Err = strings.ReplaceAll(got.Err, sh.addr, "ADDRESS")
			if got.Code != tt.code || tt.name != "a stream with a malformed message" && got.Out != tt.out ||
				!strings.Contains(got.Err, tt.err) {
				t.Errorf("got code %d, want %d, output\n%s\nwant\n%s\nand error output\n%s\nwant in it\n%s",
					got.Code, tt.code, got.Out, tt.out, got.Err, tt.err)
			}
			if tt.code == 0 && got.Err != "" {
				t.Errorf("there is error output:\n%s", got.Err)
			}
		})
	}
}

func TestVerbose(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	for method, want := range map[string]string{
		"Get": "sent 1 message, received 1 message", "Collect": "sent 1 message, received 1 message",
	} {
		got := clitest.Run(t, New(), nil, sh.addr, method, "-v", "-d", `{"name":"a"}`,
			"-H", "Echo-Text: abc", "-H", "echo-raw-bin: AAH/")
		parts := []string{
			"* resolved " + sh.addr, "* connected to " + sh.addr, "> shop.v1.Shop/" + method + ", ",
			"> request headers:\n>   echo-text: abc\n>   echo-raw-bin: AAH/\n", "< response headers:", "< response trailers:",
			want, "* resolve ", "connect ", "first byte ", "total ",
		}
		if method == "Get" {
			parts = append(parts, "< response headers:\n<   echo-text: abc\n<   echo-raw-bin: AAH/\n",
				"< response trailers:\n<   trailer-echo-text: abc\n<   trailer-echo-raw-bin: AAH/\n")
		}
		for _, part := range parts {
			if !strings.Contains(got.Err, part) {
				t.Errorf("%s: %q is missing in\n%s", method, part, got.Err)
			}
		}
		if got.Code != 0 || !strings.HasPrefix(got.Out, "{\n") {
			t.Errorf("%s: got code %d, output %s", method, got.Code, got.Out)
		}
	}
	got := clitest.Run(t, New(), nil, sh.addr, "Get", "-v")
	if got.Code != 67 || !strings.Contains(got.Err, "* sent 1 message, received 0 messages") {
		t.Errorf("an error: got code %d and\n%s", got.Code, got.Err)
	}
}

// TestContractFiles calls a server without reflection.
func TestContractFiles(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{})
	set, err := proto.Marshal(descriptorSet(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.binpb")
	if err := os.WriteFile(path, set, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{
		{"--proto", protoFile, "-I", "testdata"}, {"--proto", "testdata"}, {"--descriptor-set", path},
		{"--descriptor-set", path, "--reflect"}, {"--descriptor-set", path, "--proto", "testdata", "-I", "testdata"},
	} {
		args := append([]string{sh.addr, "Shop/Get", "-d", `{"name":"a"}`, "--compact"}, flags...)
		if got := clitest.Run(t, New(), nil, args...); got.Code != 0 || got.Out != "{\"name\":\"a\"}\n" {
			t.Errorf("%q: got code %d, %s%s", flags, got.Code, got.Out, got.Err)
		}
	}
	got := clitest.Run(t, New(), nil, sh.addr, "Shop/Get")
	for _, part := range []string{sh.addr, "has no reflection", "--proto FILE", "--descriptor-set FILE"} {
		if got.Code != 1 || !strings.Contains(got.Err, part) {
			t.Errorf("without files: got code %d, %s; want %s in it", got.Code, got.Err, part)
		}
	}
	// The server need not be there for what files say.
	got = clitest.Run(t, New(), nil, "127.0.0.1:1", "Shop/Gte", "--proto", "testdata")
	if got.Code != 1 || !strings.Contains(got.Err, "did you mean shop.v1.Shop/Get?") {
		t.Errorf("an unknown method: got code %d, %s", got.Code, got.Err)
	}
	for _, flags := range [][]string{
		{"--proto", "testdata/none.proto"}, {"--descriptor-set", protoFile}, {"--descriptor-set", "testdata/none"},
	} {
		got := clitest.Run(t, New(), nil, append([]string{sh.addr, "Get"}, flags...)...)
		if got.Code != 1 || !strings.Contains(got.Err, flags[1]) {
			t.Errorf("%q: got code %d, %s", flags, got.Code, got.Err)
		}
	}
}

// pems writes the certificate and the key of a configuration.
func pems(t *testing.T, cfg *tls.Config) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(cfg.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: cfg.Certificates[0].Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	t.Parallel()
	one, _ := transporttest.Certificate(t, "h2")
	cert, key := pems(t, one)
	mutual := one.Clone()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	mutual.ClientCAs = x509.NewCertPool()
	mutual.ClientCAs.AddCert(one.Certificates[0].Leaf)
	secure := serve(t, served{reflection: true, tls: one})
	both := serve(t, served{reflection: true, tls: mutual})
	plain := serve(t, served{reflection: true})
	tests := []struct {
		name string
		addr string
		args []string
		want string // in the error output; "": the call succeeds
	}{
		{"ca", secure.addr, []string{"--ca", cert}, ""},
		{"insecure", secure.addr, []string{"--insecure"}, ""},
		{"url", "grpcs://" + secure.addr, []string{"--ca", cert}, ""},
		{"https", "https://" + secure.addr + "/", []string{"--ca", cert}, ""},
		{"mutual", both.addr, []string{"--ca", cert, "--cert", cert, "--key", key}, ""},
		{"server name", secure.addr, []string{"--ca", cert, "--server-name", "localhost"}, ""},
		{"no ca", secure.addr, []string{"--tls"}, "name it with --ca FILE"},
		{
			"wrong name", secure.addr, []string{"--ca", cert, "--server-name", "other.example"},
			"is for localhost, 127.0.0.1, ::1",
		},
		{"no certificate", both.addr, []string{"--ca", cert}, "give one with --cert and --key"},
		{"TLS is missing", secure.addr, nil, "--tls"},
		{"TLS is too much", plain.addr, []string{"--tls"}, "--plaintext"},
		{"contradiction", plain.addr, []string{"--tls", "--plaintext"}, "exclude each other"},
		{"contradiction to a URL", "grpc://" + plain.addr, []string{"--ca", cert}, "write grpcs://"},
		{"not PEM", secure.addr, []string{"--ca", protoFile}, "has no certificate in PEM"},
		{"plaintext", plain.addr, []string{"--plaintext"}, ""},
		{"plaintext url", "http://" + plain.addr, nil, ""},
		{"dns", "dns:///" + plain.addr, nil, ""},
		{"static", "static:///" + plain.addr, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), nil, append([]string{tt.addr, "Get", "-d", `{"name":"a"}`, "-v"}, tt.args...)...)
			if tt.want == "" != (got.Code == 0) || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got code %d and\n%s\nwant %q in it", got.Code, got.Err, tt.want)
			}
			if tt.name == "ca" && !strings.Contains(got.Err, `TLS 1.3 with TLS_`) {
				t.Errorf("nothing about TLS in\n%s", got.Err)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "") //nolint:usetesting // a test's own may have too long a name
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	serve(t, served{addr: "unix:" + path, reflection: true})
	for _, addr := range []string{"unix:" + path, "unix://" + path} {
		got := clitest.Run(t, New(), nil, addr, "Get", "-d", `{"name":"a"}`, "--compact")
		if got.Code != 0 || got.Out != "{\"name\":\"a\"}\n" {
			t.Errorf("%s: got code %d, %s%s", addr, got.Code, got.Out, got.Err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, and nobody else does
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mute := silent.Addr().String()
	tests := []struct {
		args []string
		want []string
	}{
		{
			[]string{nobody},
			[]string{"cannot connect to " + nobody + " (without TLS, tried for ", nobody + ": connection refused"},
		},
		{
			[]string{"static:///" + nobody + "," + mute, "--connect-timeout", "200ms"},
			[]string{nobody + ": connection refused", mute + ": no answer in time"},
		},
		{[]string{mute, "--connect-timeout", "100ms"}, []string{mute + ": no answer in time (after "}},
		{[]string{"unix:/no/such.sock"}, []string{"/no/such.sock: no such file or directory"}},
	}
	for _, tt := range tests {
		got := clitest.Run(t, New(), nil, append(tt.args, "Get")...)
		for _, part := range tt.want {
			if got.Code != 1 || !strings.Contains(got.Err, part) {
				t.Errorf("%q: got code %d and\n%s\nwant %q in it", tt.args, got.Code, got.Err, part)
			}
		}
	}
	for arg, want := range map[string]string{
		"": "empty", "nowhere": "no port", "a:b": "not the number of a port", "grpc://a:1/path": "has a path",
		"grpc://me@a:1": "credentials go into a header", "xds:///a": `no Resolver for scheme "xds"`, "a b:1": "space",
	} {
		got := clitest.Run(t, New(), nil, arg, "Get")
		if got.Code != 2 || !strings.Contains(got.Err, want) {
			t.Errorf("%q: got code %d and\n%s\nwant %q in it", arg, got.Code, got.Err, want)
		}
	}
}

func TestServerGone(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	got := clitest.Run(t, New(), nil, sh.addr, "List", "-d", `{"name":"dying","size":2}`, "--compact")
	all := "{\"name\":\"dying 0\"}\n{\"name\":\"dying 1\"}\n" // which may not have left the server
	// The GOAWAY may have left the server, or not.
	gone := strings.Contains(got.Err, "UNAVAILABLE (14): the connection was lost") ||
		strings.Contains(got.Err, "UNAVAILABLE (14): the peer sent GOAWAY with NO_ERROR: then it closed the connection")
	if got.Code != 64+14 || !gone || !strings.HasPrefix(all, got.Out) {
		t.Errorf("got code %d, output\n%s%s", got.Code, got.Out, got.Err)
	}
}

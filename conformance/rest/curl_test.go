package rest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// curl runs curl, and returns what it prints: the response, with its head.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("THERE IS NO CURL")
	}
	args = append([]string{"-sS", "-i", "--max-time", "20"}, args...)
	cmd := exec.CommandContext(t.Context(), path, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestCurl makes requests with curl, over both versions of HTTP.
func TestCurl(t *testing.T) {
	t.Parallel()
	addr := serve(t)
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(strings.Repeat("{\"text\":\"w\"}\n", 20_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want []string // parts of what it prints
	}{
		{"get", []string{"/v1/books/x?text=a%20b"}, []string{
			" 200", "content-type: application/json", `{"name":"x","text":"a b"}`,
		}},
		{"post", []string{"/v1/created", "--json", `{"text":"t"}`}, []string{" 201", `{"text":"t"}`}},
		{"form", []string{"/v1/created", "-d", `{"text":"t"}`}, []string{" 415"}},
		{"head", []string{"/v1/books/x", "-I"}, []string{" 200", "content-length: 12"}},
		{"error", []string{"/v1/books/x?fail=5"}, []string{" 404", "application/problem+json", `"code":5`}},
		{"compressed", []string{"/v1/books/x?text=" + strings.Repeat("a", 3000), "--compressed"},
			[]string{"content-encoding: gzip", strings.Repeat("a", 3000)}},
		{"lines", []string{"/v1/list/x?words=a&words=b"}, []string{"x-ndjson", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n"}},
		{"array", []string{"/v1/list/x?words=a&words=b", "-H", "accept: application/json"},
			[]string{`[{"text":"a"},{"text":"b"}]`}},
		{"events", []string{"/v1/list/x?words=a", "-H", "accept: text/event-stream", "-N"},
			[]string{"x-accel-buffering: no", "data: {\"text\":\"a\"}\n\n", "event: end\n"}},
		{"upload", []string{"/v1/join", "-H", "content-type: application/x-ndjson", "--data-binary", "@" + file},
			[]string{" 200", `{"words":["w","w"`}},
		{"body", []string{"/v1/load/x?text=y"}, []string{"content-type: text/x-y", "<x>"}},
		{"options", []string{"/v1/created", "-X", "OPTIONS"}, []string{" 204", "allow: POST"}},
	}
	for version, flag := range map[string]string{"HTTP/1.1": "--http1.1", "HTTP/2": "--http2-prior-knowledge"} {
		for _, tt := range tests {
			t.Run(version+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				out := strings.ReplaceAll(curl(t, append(tt.args, flag, "http://"+addr+tt.args[0])[1:]...), "\r\n", "\n")
				head, _, _ := strings.Cut(out, "\n")
				if !strings.HasPrefix(head, strings.TrimSuffix(version, ".0")) {
					t.Errorf("got %s", head)
				}
				for _, want := range tt.want {
					if !strings.Contains(out, want) && !strings.Contains(strings.ToLower(out), want) {
						t.Errorf("got %.1000s\nwant %.100s in it", out, want)
					}
				}
			})
		}
	}
}

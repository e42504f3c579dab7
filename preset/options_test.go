package preset_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestLogger has connections, the access log and panics logged to one logger, whichever option gives it.
func TestLogger(t *testing.T) {
	t.Parallel()
	bad := errors.New("the handler failed")
	for _, tt := range []struct {
		name string
		opt  func(*slog.Logger) server.Option
		opts []server.Option
		want []string
		not  []string
	}{
		{"server.Logger", server.Logger, nil,
			[]string{"server: listening", "msg=call", "code=UNKNOWN", "panic in a call"}, nil},
		{"preset.Logger", func(l *slog.Logger) server.Option { return preset.Logger(l) }, nil,
			[]string{"server: listening", "msg=call", "code=UNKNOWN", "panic in a call"}, nil},
		{"without the access log", server.Logger, []server.Option{server.Without("logging")},
			[]string{"server: listening", "panic in a call"}, []string{"msg=call"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := new(journal)
			panics := false
			opts := append([]server.Option{tt.opt(log.logger()), echoes(func(context.Context) error {
				if panics = !panics; panics {
					panic("oh")
				}
				return bad
			})}, tt.opts...)
			s := start(t, "127.0.0.1:0", opts...)
			c := connect(t, s.Addr().String(), preset.Logger(log.logger()))
			for _, want := range []fairlead.Code{fairlead.Internal, fairlead.Unknown} {
				if _, err := call(t.Context(), c, "x"); fairlead.CodeOf(err) != want {
					t.Errorf("got %v, want %v", err, want)
				}
			}
			text := log.String()
			for _, part := range append(tt.want, "msg=connected") {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in the log:\n%s", part, text)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(text, part) {
					t.Errorf("%q is in the log:\n%s", part, text)
				}
			}
		})
	}
}

// TestLeftOut has what preset adds left out by name.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	_, err := preset.NewServer("127.0.0.1:0", echoes(nil), server.Without("loging"))
	if err == nil || !strings.Contains(err.Error(), `["recovery" "logging" "validation"]`) {
		t.Errorf("got %v, want the names that there are", err)
	}
	_, err = preset.NewServer("127.0.0.1:0", echoes(nil), server.WithoutCompressor("snappy"))
	if err == nil || !strings.Contains(err.Error(), `["gzip" "zstd"]`) {
		t.Errorf("got %v, want the names that there are", err)
	}
	_, err = preset.NewClient("x:1", client.WithoutCompressor("snappy"))
	if err == nil || !strings.Contains(err.Error(), `["gzip" "zstd"]`) {
		t.Errorf("got %v, want the names that there are", err)
	}
	_, err = preset.NewServer("127.0.0.1:0", echoes(nil), preset.Logger(nil))
	if err == nil || !strings.Contains(err.Error(), "Logger") {
		t.Errorf("got %v, want the option named", err)
	}
	_, err = preset.NewClient("x:1", preset.Logger(nil))
	if err == nil || !strings.Contains(err.Error(), "Logger") {
		t.Errorf("got %v, want the option named", err)
	}

	s := start(t, "127.0.0.1:0", echoes(nil), server.Without("recovery", "logging", "validation"),
		server.WithoutCompressor("gzip"))
	long := strings.Repeat("fairlead ", 1000)
	for name, want := range map[string]fairlead.Code{"gzip": fairlead.Unimplemented, "zstd": fairlead.OK} {
		c := connect(t, s.Addr().String(), client.Compress(name))
		if _, err := call(t.Context(), c, long); fairlead.CodeOf(err) != want {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	c := connect(t, s.Addr().String(), client.WithoutCompressor("gzip"))
	if _, err := call(t.Context(), c, long, fairlead.WithCompressor("gzip")); err == nil ||
		!strings.Contains(err.Error(), "gzip") {
		t.Errorf("got %v, want a compressor that is not there refused", err)
	}
}

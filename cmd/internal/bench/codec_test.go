package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/dynamic"
)

func TestCodec(t *testing.T) {
	t.Parallel()
	src, _ := contract(t)
	m, err := src.Method(t.Context(), echoService+"/Say")
	if err != nil {
		t.Fatal(err)
	}
	c := &check{desc: dynamic.DescriptorOf(m).Output(), resolver: protoregistry.GlobalTypes}
	garbage := []byte{0x0a, 0xff} // a text that is not there
	good := []byte("\x0a\x01x")
	for _, tt := range []struct {
		msg  any
		src  []byte
		want string // of the error
		size int
	}{
		{&received{}, good, "", 3}, {&received{}, garbage, "", 2},
		{&checked{check: c}, good, "", 3}, {&checked{check: c}, garbage, "the response is no echo.v1.Message", 2},
	} {
		k, err := codec.For(countCodec{}, tt.msg)
		if err != nil {
			t.Fatal(err)
		}
		err = k.Unmarshal(tt.src, tt.msg)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%T of %q: got %v, want %q", tt.msg, tt.src, err, tt.want)
		}
		if got := size(tt.msg); got != tt.size {
			t.Errorf("%T of %q: got %d bytes, want %d", tt.msg, tt.src, got, tt.size)
		}
	}
	// Other messages, such as those of reflection, are carried as ever.
	k, err := codec.For(countCodec{}, new(wrapperspb.StringValue))
	if err != nil {
		t.Fatal(err)
	}
	var text wrapperspb.StringValue
	if err := k.Unmarshal(good, &text); err != nil || text.GetValue() != "x" {
		t.Errorf("got %q, %v", text.GetValue(), err)
	}
}

func TestProgressText(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]load.Progress{
		"warm-up 500ms of 1s  1 200 calls/s  p50 1.500 ms  p99 9.000 ms  CPU 0.5 cores": {
			Warming: true, Passed: 501 * time.Millisecond, Of: time.Second, PerSec: 1200,
			P50: 1500 * time.Microsecond, P99: 9 * time.Millisecond, Cores: 0.5,
		},
		"2s  30 of 1 000 calls  15.0 calls/s  150 messages/s  7 failed  CPU 0.0 cores": {
			Passed: 2 * time.Second, Ended: 30, Count: 1000, PerSec: 15, Messages: 150, Failed: 7,
		},
	} {
		if got := progressText(&p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The shell completes methods with what the server has.
func TestCompletion(t *testing.T) {
	t.Parallel()
	addr := new(echo).serve(t)
	root := &cobra.Command{Use: "fairlead"}
	root.AddCommand(New())
	got := clitest.RunRoot(t, root, nil, "__complete", "bench", addr, "echo.v1.Echo/C")
	if got.Code != cli.ExitOK || !strings.Contains(got.Out, "echo.v1.Echo/Collect") || strings.Contains(got.Out, "/Say") {
		t.Errorf("exit code %d, printed %q: %s", got.Code, got.Out, got.Err)
	}
}

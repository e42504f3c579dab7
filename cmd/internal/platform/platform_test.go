package platform_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/platform"
)

func TestRestricts(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"queue.go":                false,
		"api/queue_windows.go":    true,
		"queue_js.pb.go":          true,
		"queue_js_validate.fl.go": false,
		"queue_amd64.go":          true,
		"queue_linux_arm64.go":    true,
		"queue_unix.go":           false, // only a build constraint restricts to it
		"js.pb.go":                false,
		"windows":                 false,
		"api/queue_wasm.proto":    true,
		"_hidden_linux.go":        true,
		"queue_linux_test.go":     true,
		"":                        false,
	} {
		if got := platform.Restricts(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

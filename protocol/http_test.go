package protocol

import (
	"testing"

	"github.com/fairlead-go/fairlead"
)

func TestTimeoutIn(t *testing.T) {
	t.Parallel()
	var other fairlead.Metadata
	other.Add("grpc-timeout", "1S")
	for _, tt := range []struct {
		name string
		head Head
		want string
	}{
		{"none", Head{}, ""},
		{"its own", Head{Timeout: []byte("2S"), TimeoutName: "grpc-timeout"}, "2S"},
		{"another's", Head{Timeout: []byte("5"), TimeoutName: "connect-timeout-ms"}, ""},
		{"both", Head{Timeout: []byte("5"), TimeoutName: "connect-timeout-ms", Fields: other}, "1S"},
	} {
		if got := string(tt.head.TimeoutIn("grpc-timeout")); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

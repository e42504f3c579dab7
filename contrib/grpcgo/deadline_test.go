package grpcgo

import (
	"context"
	"testing"

	"github.com/fairlead-go/fairlead"
)

// TestDeadlineText has the text of a call that its deadline ended be grpc-go's, and say why if there is a reason.
func TestDeadlineText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"a context's error", context.DeadlineExceeded, "context deadline exceeded"},
		{"on the way", fairlead.Errorf(fairlead.DeadlineExceeded, "dns:///a: ended early: %w", context.DeadlineExceeded),
			"context deadline exceeded"},
		{"with a reason", fairlead.Errorf(fairlead.DeadlineExceeded, "/a.B/C: %w (cut)", context.DeadlineExceeded),
			"context deadline exceeded (cut)"},
		{"without the text", &fairlead.Error{Code: fairlead.DeadlineExceeded, Message: "late"}, "late"},
	} {
		want := "rpc error: code = DeadlineExceeded desc = " + tt.want
		if got := fromFairlead(tt.err).Error(); got != want {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}
}

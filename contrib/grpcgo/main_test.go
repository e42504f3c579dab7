package grpcgo_test

import (
	"log/slog"
	"testing"

	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) //nolint:forbidigo // presets log calls there
	leakcheck.Main(m)
}

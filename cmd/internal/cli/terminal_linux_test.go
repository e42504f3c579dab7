package cli

import (
	"os"
	"testing"
)

// TestPainterFor asks for colours and progress on a terminal, with what users have in their environment.
//
//nolint:paralleltest // it sets the environment
func TestPainterFor(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer terminal.Close()
	if !IsTerminal(terminal) {
		t.Fatal("a pseudo-terminal is taken for none")
	}
	tests := []struct{ name, term, noColor, want string }{
		{"a terminal", "xterm", "", "\x1b[31mx\x1b[0m"},
		{"a dumb one", "dumb", "", "x"},
		{"without colours", "xterm", "1", "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", tt.term)
			t.Setenv("NO_COLOR", tt.noColor)
			if got := PainterFor(terminal).Paint(Red, "x"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got, want := NewProgress(terminal).Enabled(), tt.term != "dumb"; got != want {
				t.Errorf("progress is shown: %v, want %v", got, want)
			}
		})
	}
}

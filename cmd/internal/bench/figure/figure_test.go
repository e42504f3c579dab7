package figure

import "testing"

func TestFigures(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Duration(0): "0 ns", Duration(999): "999 ns", Duration(12_340): "12.34 µs", Duration(1_204_000): "1.204 ms",
		Duration(350_000_000): "350.0 ms", Duration(61_000_000_000): "61.00 s",
		Count(7): "7", Count(1234): "1 234", Count(-1234567): "-1 234 567", Count(-123): "-123",
		PerSecond(12.34): "12.3", PerSecond(48213.6): "48 214",
		Bytes(12): "12 B", Bytes(1234): "1.234 kB", Bytes(5e12): "5.000 TB",
		Plural(1, "core"): "1 core", Plural(2000, "core"): "2 000 cores", Span(1.5): "1.5s", Span(0.0305): "31ms",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

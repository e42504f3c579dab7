package dial

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, the value of a flag: "4096", "64MiB", "10MB", "1g".
type Size int

// units are multiples of a byte. Longer names stand before their endings.
//
//nolint:gochecknoglobals // read-only
var units = []struct {
	name string
	size float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1},
}

// Set implements pflag.Value.
func (s *Size) Set(text string) error {
	number, factor := strings.ToLower(strings.TrimSpace(text)), 1.0
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(n), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	bytes := n * factor
	if err != nil || math.IsNaN(bytes) || bytes < 1 || bytes > math.MaxInt32 {
		return fmt.Errorf("%q is not a size from 1 byte to 2 GiB, such as 65536, 64KiB or 16MB", text)
	}
	*s = Size(bytes)
	return nil
}

// String implements pflag.Value.
func (s *Size) String() string {
	n := int(*s)
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return strconv.Itoa(n>>30) + "GiB"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.Itoa(n>>20) + "MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.Itoa(n>>10) + "KiB"
	}
	return strconv.Itoa(n)
}

// Type implements pflag.Value.
func (*Size) Type() string { return "size" }

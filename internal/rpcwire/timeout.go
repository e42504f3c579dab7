package rpcwire

import (
	"math"
	"strconv"
	"time"
)

// maxTimeoutDigits is how many digits a timeout may have; maxTimeoutValue is the largest number that has them.
const (
	maxTimeoutDigits = 8
	maxTimeoutValue  = 99_999_999
)

// units are the names of the units of the field grpc-timeout, finest first.
const units = "numSMH"

// unitOf returns the unit with that name, 0 when there is none.
func unitOf(name byte) time.Duration {
	switch name {
	case 'n':
		return time.Nanosecond
	case 'u':
		return time.Microsecond
	case 'm':
		return time.Millisecond
	case 'S':
		return time.Second
	case 'M':
		return time.Minute
	case 'H':
		return time.Hour
	}
	return 0
}

// ParseTimeout reads the value of the field grpc-timeout: one to eight digits and a unit. A timeout that a Duration
// cannot hold becomes the longest Duration.
func ParseTimeout(v []byte) (d time.Duration, ok bool) {
	if len(v) < 2 || len(v) > maxTimeoutDigits+1 {
		return 0, false
	}
	unit := unitOf(v[len(v)-1])
	if unit == 0 {
		return 0, false
	}
	var n int64
	for _, c := range v[:len(v)-1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if n > math.MaxInt64/int64(unit) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, true
}

// AppendTimeout appends d as a value of the field grpc-timeout. It takes the finest unit in which d fits, and rounds
// up, so that the server does not give up before the client does. A negative d becomes zero.
func AppendTimeout(dst []byte, d time.Duration) []byte {
	d = max(d, 0)
	for i := range len(units) {
		unit := unitOf(units[i])
		n := int64(d / unit)
		if d%unit > 0 {
			n++
		}
		// The last unit always fits: a Duration holds less than three million hours.
		if n <= maxTimeoutValue {
			return append(strconv.AppendInt(dst, n, 10), units[i])
		}
	}
	return dst
}

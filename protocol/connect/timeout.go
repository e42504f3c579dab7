package connect

import (
	"strconv"
	"time"
)

// maxTimeoutDigits is how many digits the field connect-timeout-ms may have.
const maxTimeoutDigits = 10

// maxTimeout is the longest timeout that the field can have.
const maxTimeout = 9_999_999_999 * time.Millisecond

// parseTimeout reads the value of the field connect-timeout-ms: one to ten digits.
func parseTimeout(v []byte) (time.Duration, bool) {
	if len(v) == 0 || len(v) > maxTimeoutDigits {
		return 0, false
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return time.Duration(n) * time.Millisecond, true
}

// appendTimeout appends d, which is at most maxTimeout, as a value of the field connect-timeout-ms. It rounds up, so
// that the server does not give up before the client does.
func appendTimeout(dst []byte, d time.Duration) []byte {
	n := d / time.Millisecond
	if d%time.Millisecond > 0 {
		n++
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

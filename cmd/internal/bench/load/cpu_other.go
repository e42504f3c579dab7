//go:build !unix

package load

import "time"

// processTime is not known here.
func processTime() (user, system time.Duration) { return 0, 0 }

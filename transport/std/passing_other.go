//go:build !unix

package std

import "errors"

// passing reports whether an error of accept is about one connection or a shortage, and not about the listener.
func passing(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

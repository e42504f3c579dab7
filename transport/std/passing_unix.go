//go:build unix

package std

import (
	"errors"
	"syscall"
)

// passing reports whether an error of accept is about one connection or a shortage, and not about the listener. On
// Linux accept(2) returns network errors that are pending on the new socket, and asks callers to treat them so.
func passing(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, // out of descriptors, or of memory
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPERM, // the connection is gone, or a firewall forbids it
		syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN,
		syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH, syscall.ETIMEDOUT,
		syscall.EAGAIN, syscall.EINTR:
		return true
	default:
		return false // it is about the listener
	}
}

//go:build unix

package std

import (
	"errors"
	"syscall"
)

// passing says whether an error of accept is about one connection or a shortage, and not about the listener. accept(2)
// on Linux has the network errors that are already pending on the new socket returned, and asks to treat them so.
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

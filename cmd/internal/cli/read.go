package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// TooLargeError reports that something has more to read than a limit allows.
type TooLargeError struct {
	Name  string // what was read: a path, or "stdin"
	Limit int64  // in bytes
	Flag  string // the flag that raises the limit; "" if there is none
}

// Error names what was read, the limit and the flag.
func (e *TooLargeError) Error() string {
	text := fmt.Sprintf("%s has more than %s, which is the limit", e.Name, Bytes(e.Limit))
	if e.Flag != "" {
		text += "; " + e.Flag + " raises it"
	}
	return text
}

// Limit is how much of something is read.
type Limit struct {
	Bytes int64
	Flag  string // the flag that raises it; "" if there is none
}

// ReadFile reads the file at path, which may also be a FIFO or a device. It returns a *TooLargeError for a file that is
// larger than the limit, and stops waiting when ctx ends: nobody may ever write to a FIFO.
func ReadFile(ctx context.Context, path string, limit Limit) ([]byte, error) {
	b, err := Wait(ctx, func() ([]byte, error) {
		f, err := os.Open(path) //nolint:gosec // the user names it
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readOpen(f, path, limit)
	})
	return b, waitingFor(ctx, path, err)
}

// maxSource is the size of the largest file that ReadSource reads, in bytes.
const maxSource = 128 << 20

// errNotRegular is the error for what is read only where it is a regular file.
var errNotRegular = errors.New("not a regular file")

// ReadSource reads a file that the command has found itself, such as a go.mod or the source of a program. It refuses
// what is no regular file: opening a FIFO would wait for somebody who writes to it, and a device may have no end. The
// limit is 128 MiB.
func ReadSource(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the user's own file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	return readOpen(f, path, Limit{Bytes: maxSource})
}

// readOpen is readAll for a file. Where its size is known it takes that much memory and no more.
func readOpen(f *os.File, name string, limit Limit) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size == 0 { // the files of /proc have no size
		return readAll(f, name, limit)
	}
	if size > limit.Bytes {
		return nil, &TooLargeError{Name: name, Limit: limit.Bytes, Flag: limit.Flag}
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, limit.Bytes+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit.Bytes { // it has grown meanwhile
		return nil, &TooLargeError{Name: name, Limit: limit.Bytes, Flag: limit.Flag}
	}
	return b.Bytes(), nil
}

// ReadAll reads r, which errors call name, to its end. Its limit and ctx are as for ReadFile.
func ReadAll(ctx context.Context, r io.Reader, name string, limit Limit) ([]byte, error) {
	b, err := Wait(ctx, func() ([]byte, error) { return readAll(r, name, limit) })
	return b, waitingFor(ctx, name, err)
}

func readAll(r io.Reader, name string, limit Limit) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit.Bytes+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > limit.Bytes:
		return nil, &TooLargeError{Name: name, Limit: limit.Bytes, Flag: limit.Flag}
	}
	return b, nil
}

// waitingFor says of ctx's error what was waited for. It is no wrong usage, whatever the file was for.
func waitingFor(ctx context.Context, name string, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return Failed(Ended(ctx, "reading "+name))
}

// Wait calls f and returns what it returns, or ctx's error when ctx ends first. Reading from a terminal or a FIFO
// cannot be interrupted: f then goes on in a goroutine of its own until the process ends.
func Wait[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	c := make(chan result, 1)
	go func() {
		v, err := f()
		c <- result{v, err}
	}()
	select {
	case r := <-c:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Bytes writes a number of bytes: "64 MiB", "1000 bytes".
func Bytes(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"
)

// grace is how long a server may take to end by itself, limit how long what is done with it may.
const (
	grace = 10 * time.Second
	limit = time.Minute
)

// serve runs a server, does what use does as soon as it listens at addr, and asks it to stop. When something is wrong,
// the error has what the server printed.
func serve(ctx context.Context, srv *exec.Cmd, addr string, use func(ctx context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	srv.WaitDelay = grace
	var log bytes.Buffer
	srv.Stdout, srv.Stderr = &log, &log
	if err := srv.Start(); err != nil {
		return err
	}
	fmt.Printf("the server is process %d at %s\n", srv.Process.Pid, addr)
	ended := make(chan error, 1)
	go func() { ended <- srv.Wait() }()
	defer func() {
		_ = srv.Process.Signal(os.Interrupt) // it drains and ends with 0; an error means that it has ended
		late := time.AfterFunc(grace, func() { _ = srv.Process.Kill() })
		waitErr := <-ended
		late.Stop()
		if waitErr != nil && err == nil {
			err = fmt.Errorf("the server: %w", waitErr)
		}
		if err != nil {
			err = fmt.Errorf("%w\nthe server's log:\n%s", err, log.Bytes())
		}
	}()
	if err := listening(ctx, addr); err != nil {
		return err
	}
	return use(ctx)
}

// freeAddr returns a loopback address at which nobody listens.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// listening waits until somebody listens at addr, for limit at most.
func listening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("nobody listens at %s: %w", addr, err)
		}
	}
}

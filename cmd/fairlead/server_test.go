package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// shop is a new service, written with the command under test and built when it is first needed.
type shop struct {
	dir  string
	once sync.Once
	err  error
}

func (s *shop) build() error {
	repository, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	write := exec.Command(self, "new", "shop", "--no-git", "--fairlead", repository) //nolint:gosec,noctx // ourselves
	write.Dir = s.dir
	write.Env = append(os.Environ(), runAsCommand+"=1")
	build := exec.Command("go", "build", "-o", "shop", "./cmd/shop") //nolint:noctx // the test's own limit will do
	build.Dir = filepath.Join(s.dir, "shop")
	build.Env = append(os.Environ(), "GOWORK=off")
	for _, cmd := range []*exec.Cmd{write, build} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	}
	return nil
}

// serve runs the service and returns its address and its operators'.
func (s *shop) serve(t *testing.T) (addr, admin string) {
	t.Helper()
	s.once.Do(func() { s.err = s.build() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	dir := filepath.Join(s.dir, "shop")
	addr, admin = freeAddr(t), freeAddr(t)
	var log bytes.Buffer
	srv := exec.CommandContext(t.Context(), filepath.Join(dir, "shop")) //nolint:gosec // built above
	srv.Dir = dir
	srv.Env = append(os.Environ(), "SHOP_LISTEN="+addr, "SHOP_ADMIN_LISTEN="+admin)
	srv.Stdout, srv.Stderr = &log, &log
	srv.Cancel = func() error { return srv.Process.Signal(os.Interrupt) }
	srv.WaitDelay = assert.Patience(20 * time.Second)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Wait() // interrupted at the end of the test
	}()
	t.Cleanup(func() {
		<-done
		if t.Failed() {
			t.Logf("the server printed\n%s", log.Bytes())
		}
	})
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) { // a process cannot say that it listens
		conn, err := net.Dial("tcp", addr) //nolint:noctx // loopback
		if err == nil {
			_ = conn.Close()
			return addr, admin
		}
		select {
		case <-done:
			t.Fatalf("the server has ended:\n%s", log.Bytes())
		default:
		}
		if time.Since(begun) > assert.Patience(20*time.Second) {
			t.Fatalf("nobody listens at %s: %v", addr, err)
		}
	}
}

// freeAddr returns a loopback address at which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

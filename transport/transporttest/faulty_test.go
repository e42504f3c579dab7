package transporttest_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// Short reads and other orders of goroutines are none of a user's business: such a network is a good one.
func TestFaultyNetwork(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(*testing.T) transporttest.Env {
		faults := func(n int) transporttest.Faults {
			return transporttest.Faults{
				ReadMax: 1000, Yields: rand.New(rand.NewPCG(1, uint64(n))), Jitter: time.Microsecond,
			}
		}
		return transporttest.Env{
			Network: &transporttest.Faulty{Network: inproc.New(), Dialled: faults, Accepted: faults},
			Listen:  transport.Target{Addr: "greeter"},
			Nobody:  "elsewhere",
		}
	})
}

// ends returns a connection with faults, and its peer.
func ends(faults transporttest.Faults) (faulty, peer transport.Conn) {
	a, b := inproc.Pipe()
	return transporttest.FaultyConn(a, faults), b
}

// read reads until it fails, in steps of n bytes.
func read(c transport.Conn, n int) (steps []string, err error) {
	for {
		b, err := c.Peek(n)
		if err != nil {
			return steps, err
		}
		steps = append(steps, string(b))
		c.Discard(len(b))
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	own := errors.New("a fault of the test's own")
	for _, tt := range []struct {
		name   string
		faults transporttest.Faults
		n      int
		want   string
		err    error
		after  time.Duration
	}{
		{"none", transporttest.Faults{}, 1, "abcdefgh", io.EOF, 0},
		{"short", transporttest.Faults{ReadMax: 1}, 1, "ab cd ef gh", io.EOF, 0},
		{"short, but as much as is asked for", transporttest.Faults{ReadMax: 1}, 3, "abcd efgh", io.EOF, 0},
		{"delayed", transporttest.Faults{ReadDelay: time.Second, ReadMax: 3}, 1, "abcd efgh", io.EOF, 3 * time.Second},
		{"cut", transporttest.Faults{Read: &transporttest.Cut{After: 5}}, 1, "abcde", syscall.ECONNRESET, 0},
		{"cut at once", transporttest.Faults{Read: new(transporttest.Cut)}, 1, "", syscall.ECONNRESET, 0},
		{
			"cut within what is asked for", transporttest.Faults{Read: &transporttest.Cut{After: 5, Err: io.EOF}}, 4,
			"abcde", io.EOF, 0,
		},
		{"cut with an error", transporttest.Faults{Read: &transporttest.Cut{
			After: 7, How: transporttest.Fail, Err: own,
		}}, 2, "abcdefg", own, 0},
		{"silent", transporttest.Faults{Read: &transporttest.Cut{
			After: 2, How: transporttest.Stall,
		}}, 1, "ab", os.ErrDeadlineExceeded, time.Minute},
		{"closed", transporttest.Faults{CloseAt: 4, ReadMax: 1}, 1, "ab cd", net.ErrClosed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				c, peer := ends(tt.faults)
				defer c.Close()
				if err := c.SetReadDeadline(begun.Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				if err := peer.Write([]byte("abcdefgh")); err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				if tt.faults.Read == nil {
					_ = peer.Close()
				}
				steps, err := read(c, tt.n)
				if got := strings.Join(steps, " "); got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %q and %v, want %q and %v", got, err, tt.want, tt.err)
				}
				if got := time.Since(begun); got != tt.after {
					t.Errorf("got them after %v, want %v", got, tt.after)
				}
			})
		})
	}
}

func TestWriteFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults transporttest.Faults
		want   string
		fails  int // the write of that number from 1; 0: none
		ends   bool
	}{
		{"none", transporttest.Faults{}, "abcdefgh", 0, false},
		{"cut", transporttest.Faults{Write: &transporttest.Cut{After: 6}}, "abcdef", 2, true},
		{"cut between two", transporttest.Faults{Write: &transporttest.Cut{After: 4}}, "abcd", 2, true},
		{"fails", transporttest.Faults{Write: &transporttest.Cut{After: 1, How: transporttest.Fail}}, "a", 1, false},
		{"silent", transporttest.Faults{Write: &transporttest.Cut{After: 5, How: transporttest.Stall}}, "abcde", 0, false},
		{"closed", transporttest.Faults{CloseAt: 2}, "abcd", 2, true},
		{"delayed", transporttest.Faults{WriteDelay: time.Second}, "abcdefgh", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, peer := ends(tt.faults)
				defer c.Close()
				defer peer.Close()
				fails := 0
				for i, part := range []string{"abcd", "efgh"} {
					if err := c.Write([]byte(part)); err != nil && fails == 0 {
						fails = i + 1
					}
				}
				if fails != tt.fails {
					t.Errorf("got write %d to fail, want %d", fails, tt.fails)
				}
				if err := peer.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				steps, err := read(peer, 1)
				if got := strings.Join(steps, ""); got != tt.want {
					t.Errorf("the peer got %q, want %q", got, tt.want)
				}
				if got := errors.Is(err, io.EOF); got != tt.ends {
					t.Errorf("the peer got %v, want the end: %v", err, tt.ends)
				}
			})
		})
	}
}

// A silent connection can be closed, and its deadline changed, while somebody waits for it.
func TestSilentUntilClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, peer := ends(transporttest.Faults{Read: &transporttest.Cut{How: transporttest.Stall}})
		defer peer.Close()
		failed := make(chan error, 1)
		wait := func() {
			_, err := c.Peek(1)
			failed <- err
		}
		go wait()
		synctest.Wait()
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go wait()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want %v", err, net.ErrClosed)
		}
	})
}

func TestDeadlineFault(t *testing.T) {
	t.Parallel()
	own := errors.New("no deadlines here")
	c, peer := ends(transporttest.Faults{Deadline: own})
	defer c.Close()
	defer peer.Close()
	got := []error{c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now())}
	if !slices.Equal(got, []error{own, own}) {
		t.Errorf("got %v, want %v twice", got, own)
	}
	if err := c.Write([]byte("x")); err != nil {
		t.Errorf("a deadline was set: %v", err)
	}
}

package preset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

// counted is a connection whose bytes are counted.
type counted struct {
	transport.Conn

	read, written *atomic.Int64
}

func (c counted) Discard(n int) {
	c.read.Add(int64(n))
	c.Conn.Discard(n)
}

func (c counted) Write(b []byte) error {
	c.written.Add(int64(len(b)))
	return c.Conn.Write(b)
}

// counting is a network that counts the bytes of what it dials.
type counting struct {
	transport.Network

	read, written atomic.Int64
}

func (n *counting) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	c, err := n.Network.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return counted{c, &n.read, &n.written}, nil
}

// place is an end of the first connection, and a direction seen from there.
type place struct {
	server, write bool
}

func (p place) String() string {
	side, direction := "client", "reads"
	if p.server {
		side = "server"
	}
	if p.write {
		direction = "writes"
	}
	return side + " " + direction
}

var places = []place{{false, false}, {false, true}, {true, false}, {true, true}}

// sends reports whether the bytes of p go from the client to the server.
func (p place) sends() bool { return p.server != p.write }

// network has the faults at p of the first connection.
func (p place) network(faults transporttest.Faults) *transporttest.Faulty {
	first := func(n int) transporttest.Faults {
		if n == 0 {
			return faults
		}
		return transporttest.Faults{}
	}
	if p.server {
		return &transporttest.Faulty{Network: inproc.New(), Accepted: first}
	}
	return &transporttest.Faulty{Network: inproc.New(), Dialled: first}
}

// at returns the faults of a cut in the direction of p.
func (p place) at(cut transporttest.Cut) transporttest.Faults {
	if p.write {
		return transporttest.Faults{Write: &cut}
	}
	return transporttest.Faults{Read: &cut}
}

// counts has the test count buffers. The test must not be parallel.
func counts(t *testing.T) {
	t.Helper()
	buffer.Count(true)
	t.Cleanup(func() { buffer.Count(false) })
}

// inBubble runs the script over n in a bubble, in which delays cost nothing, and checks what is left.
func inBubble(t *testing.T, what string, n transport.Network, plan plan) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil { // a bubble whose goroutines wait for ever panics
			t.Fatalf("%s: %v", what, r)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		if faults := play(t, n, plan); len(faults) > 0 {
			t.Errorf("%s:\n%v", what, errors.Join(faults...))
		}
	})
	if left := buffer.Out(); left != 0 {
		t.Errorf("%s: %d buffers were not put back:\n%s", what, left, buffer.Leaks())
		buffer.Count(true)
	}
}

// A connection is cut after every byte of an exchange, or every seventh over HTTP/1.1, in each protocol, in each
// direction, at each end, and in each way.
func TestCuts(t *testing.T) { //nolint:paralleltest // it counts buffers
	counts(t)
	for _, protocol := range preset.Protocols() {
		t.Run(string(protocol), func(t *testing.T) { cuts(t, protocol) }) //nolint:paralleltest // as above
	}
	//nolint:paralleltest // as above
	t.Run("connect over HTTP/1.1", func(t *testing.T) { cuts(t, preset.Connect, web.UseHTTP1()) })
}

func cuts(t *testing.T, protocol preset.Protocol, wire ...web.ClientOption) {
	t.Helper()
	n := &counting{Network: inproc.New()}
	inBubble(t, "without a cut", n, plan{whole: true, protocol: protocol, wire: wire})
	if t.Failed() {
		return
	}
	step := int64(1)
	if len(wire) > 0 {
		step = 7 // the heads of HTTP/1.1 are long
	}
	if assert.Race || testing.Short() {
		step *= 7
	}
	for _, p := range places {
		total := n.read.Load()
		if p.sends() {
			total = n.written.Load()
		}
		for _, how := range []transporttest.How{transporttest.Close, transporttest.Fail, transporttest.Stall} {
			t.Run(fmt.Sprint(p, ", ", how), func(t *testing.T) { //nolint:paralleltest // as above
				for after := int64(0); after <= total && !t.Failed(); after += step {
					cut := transporttest.Cut{After: after, How: how}
					if how == transporttest.Fail {
						cut.Err = []error{nil, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, syscall.EPIPE}[after%4]
					}
					what := fmt.Sprintf("cut after byte %d of %d", after, total)
					inBubble(t, what, p.network(p.at(cut)), plan{
						stalls: how == transporttest.Stall,
						late:   errors.Is(cut.Err, os.ErrDeadlineExceeded),

						protocol: protocol, wire: wire,
					})
				}
			})
		}
	}
}

// A connection is closed at each of its operations, delivers little at a time and late, and knows no deadlines.
func TestFaults(t *testing.T) { //nolint:paralleltest // it counts buffers
	counts(t)
	for _, p := range places[1:3] { // once for each end
		for n := int64(1); n <= 60; n++ {
			inBubble(t, fmt.Sprintf("%v, closed at operation %d", p, n), p.network(transporttest.Faults{CloseAt: n}), plan{})
		}
		for _, f := range []transporttest.Faults{
			{ReadMax: 1},
			{ReadMax: 5, ReadDelay: 3 * time.Millisecond},
			{WriteDelay: 20 * time.Millisecond},
		} {
			inBubble(t, fmt.Sprintf("%v, %+v", p, f), p.network(f), plan{whole: true})
		}
		f := transporttest.Faults{Deadline: errors.New("there are no deadlines")}
		inBubble(t, fmt.Sprint(p, ", no deadlines"), p.network(f), plan{})
	}
}

// seedVariable names the seed of TestOrders, which is drawn otherwise.
const seedVariable = "FAIRLEAD_SEED"

// Goroutines run in other orders than they would, and all calls of the exchange at once, with cuts at random.
func TestOrders(t *testing.T) { //nolint:paralleltest // it counts buffers
	counts(t)
	seed := rand.Uint64()
	if s := os.Getenv(seedVariable); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		seed = n
	}
	rounds := 400
	if assert.Race || testing.Short() {
		rounds = 60
	}
	for i := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		var draw sync.Mutex
		faults := func(int) transporttest.Faults {
			draw.Lock()
			defer draw.Unlock()
			f := transporttest.Faults{
				Yields: rand.New(rand.NewPCG(r.Uint64(), 0)), Jitter: time.Duration(1 + r.IntN(5_000_000)),
				ReadMax: r.IntN(40),
			}
			if r.IntN(4) == 0 {
				cut := &transporttest.Cut{After: r.Int64N(3000), How: transporttest.How(r.IntN(2))}
				if r.IntN(2) == 0 {
					f.Read = cut
				} else {
					f.Write = cut
				}
			}
			return f
		}
		n := &transporttest.Faulty{Network: inproc.New(), Dialled: faults, Accepted: faults}
		inBubble(t, fmt.Sprintf("round %d with %s=%d", i, seedVariable, seed), n, plan{
			atOnce: true, yields: rand.New(rand.NewPCG(seed, uint64(i)<<32)),

			protocol: preset.Protocols()[i%len(preset.Protocols())],
		})
		if t.Failed() {
			return
		}
	}
}

// A handler answers a caller that has gone: the response, too long to be encoded in the connection's own buffer, goes
// nowhere and is not kept.
func TestAnswerToNobody(t *testing.T) { //nolint:paralleltest // it counts buffers
	counts(t)
	long := wrapperspb.String(strings.Repeat("x", 100_000))
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		gone := make(chan struct{})
		s := start(t, "nobody:80", server.Transport(n), server.Service(fairlead.Implement(echo,
			fairlead.UnaryHandler(func(ctx context.Context, _ *text) (*text, error) {
				<-ctx.Done()
				defer close(gone)
				return long, nil
			}),
			fairlead.BidiHandler(func(context.Context, *fairlead.Bidi[text, text]) error { return nil }),
		)))
		c := connect(t, "static:///nobody:80", client.Dialer(n))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := call(ctx, c, "x"); fairlead.CodeOf(err) != fairlead.Canceled {
			t.Errorf("got %v, want the call given up", err)
		}
		<-gone
		synctest.Wait()
		if got := s.Stats().Calls; got != 0 {
			t.Errorf("the server has %d calls left", got)
		}
	})
	if left := buffer.Out(); left != 0 {
		t.Errorf("%d buffers were not put back:\n%s", left, buffer.Leaks())
	}
}

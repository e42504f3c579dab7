package protocol

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// body is a connection without bytes that tells what is done to it, and when.
type body struct {
	mu     sync.Mutex
	begun  time.Time
	swept  []time.Duration
	limit  time.Duration // of the last Sweep
	heard  bool
	called uint32
	open   int
	deaf   bool // PINGs stay without an answer
	log    []string
	at     map[string]time.Duration
}

func newBody() *body { return &body{begun: time.Now(), at: make(map[string]time.Duration)} }

func (b *body) Vital() Vital { return b }

func (b *body) Vitals() Vitals {
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := b.heard
	b.heard = false
	return Vitals{Heard: heard, Called: b.called, Open: b.open}
}

func (b *body) Sweep(now, limit time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.swept, b.limit = append(b.swept, now), limit
}

// note logs what happened, with the time rounded down to whole seconds.
func (b *body) note(what string) {
	b.at[what] = time.Since(b.begun)
	b.log = append(b.log, fmt.Sprintf("%s %v", what, b.at[what].Truncate(time.Second)))
}

func (b *body) Ping() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note("ping")
	b.heard = !b.deaf
}

func (b *body) Drain(final bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if final {
		b.note("final")
		return
	}
	b.note("drain")
}

func (b *body) Close(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note("close")
	b.log = append(b.log, cause.Error())
}

// use has a call begin, and end after d.
func (b *body) use(d time.Duration) {
	b.mu.Lock()
	b.called++
	b.open++
	b.heard = true
	b.mu.Unlock()
	time.Sleep(d)
	b.mu.Lock()
	b.open--
	b.heard = true
	b.mu.Unlock()
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	const s = time.Second
	ping := Alive{PingAfter: 100 * s, PingTimeout: 10 * s, PingIdle: true}
	busy := Alive{PingAfter: 100 * s, PingTimeout: 10 * s}
	tests := []struct {
		name string
		cfg  Alive
		slow int
		deaf bool
		life func(b *body)
		want []string
	}{
		{"nothing configured", Alive{}, 0, true, func(*body) { time.Sleep(1e6 * s) }, nil},
		{
			"a peer that answers", ping, 0, false, func(*body) { time.Sleep(365 * s) },
			// The answer is noticed a second after the PING, and the next look is ten seconds later.
			[]string{"ping 1m40s", "ping 3m21s", "ping 5m2s"},
		},
		{
			"a peer that does not", ping, 0, true, func(*body) { time.Sleep(115 * s) },
			[]string{
				"ping 1m40s", "close 1m50s", "the connection was lost: keepalive: nothing was received for 1m40s, " +
					"and no answer to a PING within 10s",
			},
		},
		{
			"at half the rate", ping, 1, true, func(*body) { time.Sleep(215 * s) },
			[]string{
				"ping 3m20s", "close 3m30s", "the connection was lost: keepalive: nothing was received for 3m20s, " +
					"and no answer to a PING within 10s",
			},
		},
		{"no call, no PING", busy, 0, true, func(*body) { time.Sleep(1000 * s) }, nil},
		{"a call that waits", busy, 0, false, func(b *body) { b.use(205 * s) }, []string{"ping 1m50s"}},
		{"calls all the time", busy, 0, true, func(b *body) {
			for range 20 {
				b.use(50 * s)
			}
		}, nil},
		{
			"unused", Alive{Idle: 60 * s}, 0, false, func(*body) { time.Sleep(90 * s) },
			[]string{"drain 1m0s", "final 1m5s"},
		},
		{
			"used now and then", Alive{Idle: 60 * s}, 0, false, func(b *body) {
				for range 10 {
					time.Sleep(50 * s)
					b.use(0)
				}
			}, nil,
		},
		{"a long call", Alive{Idle: 60 * s}, 0, false, func(b *body) { b.use(300 * s) }, nil},
		{
			"after a call", Alive{Idle: 60 * s}, 0, false, func(b *body) { b.use(300*s + 1); time.Sleep(70 * s) },
			[]string{"drain 6m0s", "final 6m5s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := NewKeeper(tt.cfg)
				b := newBody()
				b.deaf = tt.deaf
				c := k.Add(b, tt.slow)
				tt.life(b)
				synctest.Wait()
				k.Remove(c)
				k.Close()
				if !slices.Equal(b.log, tt.want) {
					t.Errorf("got  %q\nwant %q", b.log, tt.want)
				}
			})
		})
	}
}

// TestKeeperAge has connections of the same age end at different times, all within the tenth that is promised, and
// those with calls be cut when their grace is over.
func TestKeeperAge(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, time.Minute} {
		t.Run(grace.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const age = 1000 * time.Second
				k := NewKeeper(Alive{Age: age, Grace: grace})
				bodies := make([]*body, 100)
				cares := make([]*Care, len(bodies))
				for i := range bodies {
					bodies[i] = newBody()
					bodies[i].open = 1
					cares[i] = k.Add(bodies[i], 0)
				}
				time.Sleep(2 * age)
				synctest.Wait()
				for _, c := range cares {
					k.Remove(c)
				}
				k.Close()
				drains := make(map[time.Duration]bool)
				for _, b := range bodies {
					at := b.at["drain"]
					drains[at] = true
					if at < age*9/10 || at > age*11/10+maxLook {
						t.Errorf("drained at %v, want %v give or take a tenth", at, age)
					}
					if got := b.at["final"] - at; got < finalAfter || got > finalAfter+maxSoonLook {
						t.Errorf("final after %v, want %v", got, finalAfter)
					}
					cut, ok := b.at["close"]
					if ok != (grace > 0) || ok && (cut-at < grace || cut-at > grace+maxSoonLook) {
						t.Errorf("cut %v at %v, %v after the drain", ok, cut, cut-at)
					}
				}
				if len(drains) < 3 {
					t.Errorf("all connections were drained at %d moments", len(drains))
				}
			})
		})
	}
}

// TestKeeperGoroutine: there is one as long as there are connections, and none after Close.
func TestKeeperGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper(Alive{Idle: time.Second})
		for range 3 {
			cares := []*Care{k.Add(newBody(), 0), k.Add(newBody(), 0), k.Add(newBody(), 0)}
			if k.stop == nil {
				t.Error("no goroutine with three connections")
			}
			k.Remove(cares[1])
			k.Remove(cares[0])
			k.Remove(cares[0])
			if len(k.list) != 1 || k.list[0] != cares[2] || k.stop == nil {
				t.Errorf("after two of three were removed: %d, a goroutine: %v", len(k.list), k.stop != nil)
			}
			k.Remove(cares[2])
			k.Remove(nil)
			if k.stop != nil {
				t.Error("a goroutine without connections")
			}
		}
		left := k.Add(newBody(), 0)
		k.Close()
		k.Close()
		if k.Add(newBody(), 0) != nil {
			t.Error("a connection was taken after Close")
		}
		k.Remove(left)
	})
}

// TestKeeperLeaves: connections that cannot be looked after are left alone.
func TestKeeperLeaves(t *testing.T) {
	t.Parallel()
	k := NewKeeper(Alive{Idle: time.Second})
	if k.Add(t, 0) != nil || k.Add(lifeless{}, 0) != nil || k.stop != nil {
		t.Error("one was taken")
	}
	k.Close()
}

// lifeless wraps a connection that cannot be looked after.
type lifeless struct{}

func (lifeless) Vital() Vital { return nil }

// TestKeeperSweeps: with a time limit for messages a connection with calls is swept at each look, ten times in that
// time.
func TestKeeperSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper(Alive{Message: time.Minute})
		b := newBody()
		k.Add(b, 0)
		time.Sleep(time.Minute + time.Second)
		b.mu.Lock()
		if len(b.swept) != 0 {
			t.Errorf("got %d sweeps without a call, want none", len(b.swept))
		}
		b.open = 1
		b.mu.Unlock()
		time.Sleep(time.Minute)
		k.Close()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.swept) != 10 || b.limit != time.Minute {
			t.Fatalf("got %d sweeps with the limit %v, want 10 with 1m0s", len(b.swept), b.limit)
		}
		for i, at := range b.swept[1:] {
			if got, want := at-b.swept[i], 6*time.Second; got != want {
				t.Errorf("got %v between two sweeps, want %v", got, want)
			}
		}
	})
}

// TestCareSize: a connection may lie idle by the thousand.
func TestCareSize(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(Care{}); got > 64 {
		t.Errorf("a Care has %d bytes, want 64 at most", got)
	}
}

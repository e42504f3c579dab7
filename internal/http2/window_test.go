package http2_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
)

// streamWindow is the window that a stream has at first.
const streamWindow = 256 << 10

// credits reads until the peer has given back n bytes of a stream's window, and checks that it does so in large steps.
func (f *foreign) credits(id uint32, n int) {
	f.t.Helper()
	for got := 0; got < n; {
		typ, _, on, p, err := f.read()
		if err != nil {
			f.t.Fatalf("after %d of %d bytes were given back: %v", got, n, err)
		}
		if typ == typeReset || typ == typeGoaway {
			f.t.Fatalf("after %d of %d bytes were given back: frame of type %d, %x", got, n, typ, p)
		}
		if typ == typeWindowUpdate && on == id {
			step := int(binary.BigEndian.Uint32(p))
			if step < streamWindow/4 {
				f.t.Errorf("got %d bytes of window back, want %d at least: updates cost", step, streamWindow/4)
			}
			got += step
		}
	}
}

// padded sends DATA of n bytes as flow control counts them, nearly all of them padding.
func (f *foreign) padded(id uint32, n int) {
	f.t.Helper()
	const frame = 256
	for range n / frame {
		f.frame(typeData, 8, id, append([]byte{frame - 2, 'x'}, make([]byte, frame-2)...))
	}
}

// plain sends DATA of n bytes.
func (f *foreign) plain(id uint32, n int) {
	f.t.Helper()
	for ; n > 0; n -= 10_000 {
		f.data(id, false, strings.Repeat("x", min(n, 10_000)))
	}
}

// TestWindowComesBack sends less than half of a stream's window: all but less than a quarter of it comes back. The
// padding counts (RFC 9113, section 6.9.1).
func TestWindowComesBack(t *testing.T) {
	t.Parallel()
	const sent = streamWindow * 7 / 16 / 10_000 * 10_000
	for name, send := range map[string]func(f *foreign, id uint32, n int){
		"padding": (*foreign).padded, "plain": (*foreign).plain,
	} {
		t.Run(name+" to a server", func(t *testing.T) {
			t.Parallel()
			f := toServer(t, newRig(t))
			f.headers(1, false, f.request("/hang"))
			send(f, 1, sent)
			f.credits(1, sent-streamWindow/4)
		})
		t.Run(name+" to a client's stream", func(t *testing.T) {
			t.Parallel()
			c, f := toClient(t)
			x, err := c.Open(&protocol.Request{Head: streamHead})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for err == nil {
					_, err = x.Read()
				}
			}()
			f.headers(1, false, f.block(":status", "200"))
			send(f, 1, sent)
			f.credits(1, sent-streamWindow/4)
			c.Close(nil)
			<-done
		})
		t.Run(name+" to a client's call", func(t *testing.T) {
			t.Parallel()
			c, f := toClient(t)
			a := newAnswer()
			if _, err := c.Do(&protocol.Request{Head: unaryHead, Message: &protocol.Message{}, Last: true}, a); err != nil {
				t.Fatal(err)
			}
			f.headers(1, false, f.block(":status", "200"))
			send(f, 1, sent)
			f.credits(1, sent-streamWindow/4)
			c.Close(nil)
			<-a.done
		})
	}
}

// TestWindowGrows has a measurement show how much comes within a round trip: windows grow when that is most of one, and
// stay when it is less.
func TestWindowGrows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		arrives int
		grows   bool
	}{{streamWindow * 5 / 8, false}, {streamWindow * 17 / 24, true}} {
		t.Run(fmt.Sprint(tt.arrives), func(t *testing.T) {
			t.Parallel()
			f := toServer(t, newRig(t))
			f.headers(1, false, f.request("/hang"))
			f.plain(1, streamWindow/2+10_000)
			var ping []byte
			for credited := false; ping == nil || !credited; {
				typ, flags, id, p, err := f.read()
				f.must(err)
				switch {
				case typ == typePing && flags == 0:
					ping = p
				case typ == typeWindowUpdate && id == 1:
					credited = true
				}
			}
			f.plain(1, tt.arrives)
			f.frame(typePing, 1, 0, ping)
			f.frame(typePing, 0, 0, []byte("the last"))
			grown := uint32(0)
			for {
				typ, flags, _, p, err := f.read()
				f.must(err)
				if typ == typePing && flags == 1 {
					break
				}
				if typ == typeSettings && flags == 0 && len(p) == 6 && binary.BigEndian.Uint16(p) == 4 {
					grown = binary.BigEndian.Uint32(p[2:])
				}
			}
			if want := map[bool]uint32{true: 2 * streamWindow}[tt.grows]; grown != want {
				t.Errorf("got a window of %d, want %d (0: as before)", grown, want)
			}
		})
	}
}

// TestFrameSize has the peer allow longer frames than it must: they are used, but not beyond 64 KiB, so that streams
// take turns.
func TestFrameSize(t *testing.T) {
	t.Parallel()
	for allowed, want := range map[uint32]int{16384: 16384, 20_000: 20_000, 64 << 10: 64 << 10, 1 << 20: 64 << 10} {
		t.Run(fmt.Sprint(allowed), func(t *testing.T) {
			t.Parallel()
			f := toServer(t, newRig(t))
			f.frame(typeSettings, 0, 0, append(setting(5, allowed), setting(4, 1<<20)...))
			f.frame(typeWindowUpdate, 0, 0, u32(1<<20))
			f.headers(1, false, f.request("/unary"))
			f.plain(1, 200_000)
			f.data(1, true, "")
			longest, total := 0, 0
			for total < 200_000 {
				typ, _, _, p, err := f.read()
				f.must(err)
				if typ == typeData {
					longest, total = max(longest, len(p)), total+len(p)
				}
			}
			if longest != want {
				t.Errorf("got a frame of %d bytes, want %d", longest, want)
			}
		})
	}
}

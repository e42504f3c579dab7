package rpcwire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
)

// parts is a source that spoils each part once the next one is read.
type parts struct {
	left [][]byte
	last []byte
	end  error
}

func (p *parts) Read() ([]byte, error) {
	for i := range p.last {
		p.last[i] = 0xEE
	}
	if len(p.left) == 0 {
		if p.end != nil {
			return nil, p.end
		}
		return nil, io.EOF
	}
	p.last = append([]byte(nil), p.left[0]...)
	p.left = p.left[1:]
	return p.last, nil
}

// cut cuts b into parts of n bytes.
func cut(b []byte, n int) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		k := min(n, len(b))
		out, b = append(out, b[:k]), b[k:]
	}
	return out
}

// account is a reserver.
type account struct{ sum, limit int }

var errAccount = errors.New("no memory")

func (a *account) Reserve(n int) error {
	if a.limit > 0 && a.sum+n > a.limit {
		return errAccount
	}
	a.sum += n
	return nil
}

func TestReader(t *testing.T) {
	t.Parallel()
	want := []string{"one", "", strings.Repeat("long", 5000), "x", strings.Repeat("y", 700), ""}
	var body []byte
	for _, m := range want {
		body = append(body, frame(0, m)...)
	}
	for _, size := range []int{1, 2, 3, 5, 7, 64, 1000, 16384, len(body)} {
		acct := new(account)
		r := Reader{Source: &parts{left: cut(body, size)}, Limit: NewLimit(1<<20, "", ""), Reserver: acct}
		for i, m := range want {
			got, flags, err := r.Next()
			if err != nil || flags != 0 || string(got) != m {
				t.Fatalf("parts of %d: message %d: got %d bytes, %v, want %d", size, i, len(got), err, len(m))
			}
		}
		for range 2 {
			if _, _, err := r.Next(); err != io.EOF {
				t.Errorf("parts of %d: got %v at the end, want EOF", size, err)
			}
		}
		if acct.sum != r.reserved || acct.sum > len(want[2]) {
			t.Errorf("parts of %d: reserved %d and says %d, want at most %d", size, acct.sum, r.reserved, len(want[2]))
		}
	}
}

func TestReaderErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	long := frame(0, strings.Repeat("z", 99))
	tests := []struct {
		name  string
		parts [][]byte
		end   error
		acct  *account
		want  error
		code  fairlead.Code
	}{
		{name: "in the prefix", parts: cut(long[:3], 2), want: io.ErrUnexpectedEOF},
		{name: "after the prefix", parts: cut(long[:5], 2), want: io.ErrUnexpectedEOF},
		{name: "in the message", parts: cut(long[:50], 20), want: io.ErrUnexpectedEOF},
		{name: "failure", parts: cut(long[:50], 20), end: lost, want: lost},
		{name: "failure between", end: lost, want: lost},
		{name: "flags", parts: [][]byte{frame(2, "x")}, code: fairlead.Internal},
		{name: "too long", parts: [][]byte{{0, 0, 0, 0, 101}}, code: fairlead.ResourceExhausted},
		{name: "far too long", parts: cut([]byte{0, 0xff, 0xff, 0xff, 0xff}, 1), code: fairlead.ResourceExhausted},
		{name: "no memory", parts: cut(long, 20), acct: &account{limit: 60}, want: errAccount},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := Reader{Source: &parts{left: tt.parts, end: tt.end}, Limit: NewLimit(100, "server", "server.MaxRecvMessage")}
			if tt.acct != nil {
				r.Reserver = tt.acct
			}
			for range 2 {
				_, _, err := r.Next()
				if tt.want != nil && err != tt.want {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if tt.want == nil {
					wantError(t, err, tt.code, "")
				}
			}
		})
	}
}

// TestReaderTrustsNoPrefix checks that memory follows what arrives.
func TestReaderTrustsNoPrefix(t *testing.T) {
	t.Parallel()
	const promised = 1 << 30
	head := []byte{0, promised >> 24, 0, 0, 0}
	p := &parts{left: [][]byte{head, make([]byte, 1000)}, end: io.ErrClosedPipe}
	acct := new(account)
	r := Reader{Source: p, Limit: NewLimit(0, "", ""), Reserver: acct}
	if _, _, err := r.Next(); err != io.ErrClosedPipe {
		t.Fatalf("got %v", err)
	}
	if acct.sum != 1000 {
		t.Errorf("got %d bytes reserved, want 1000", acct.sum)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(append(frame(0, "one"), frame(1, "two")...), 3)
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 1}, 1)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 7)
	f.Add(frame(0, strings.Repeat("a", 10000)), 999)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		if size < 1 {
			size = 1 + len(body)
		}
		r := Reader{Source: &parts{left: cut(body, size)}, Limit: NewLimit(1<<20, "", "")}
		var again []byte
		for {
			m, flags, err := r.Next()
			if err != nil {
				break
			}
			again = append(again, frame(flags, string(m))...)
		}
		if !bytes.HasPrefix(body, again) {
			t.Fatalf("got %q from %q", again, body)
		}
	})
}

package rpcwire

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// bodyParts is a body in parts, which ends with err.
type bodyParts struct {
	list []string
	err  error
}

func (p *bodyParts) Read() ([]byte, error) {
	if len(p.list) == 0 {
		return nil, p.err
	}
	b := []byte(p.list[0])
	p.list = p.list[1:]
	return b, nil
}

// purse has n bytes.
type purse struct{ n int }

func (p *purse) Reserve(n int) error {
	if p.n -= n; p.n < 0 {
		return fairlead.Errorf(fairlead.ResourceExhausted, "the purse is empty")
	}
	return nil
}

// rest counts what an Expecter is told.
type rest struct{ open, told int }

func (r *rest) Expect(yes bool) {
	r.told++
	if yes {
		r.open++
	} else {
		r.open--
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	lost := &protocol.Failure{Kind: protocol.FailedLost}
	late := fairlead.Errorf(fairlead.DeadlineExceeded, "late")
	for _, tt := range []struct {
		name      string
		list      []string
		err       error
		announced int64
		purse     int
		code      fairlead.Code
		text      string
		reserved  int
	}{
		{name: "nothing", purse: 10},
		{name: "one part", list: []string{"abc"}, announced: 3, purse: 10, reserved: 3},
		{name: "empty parts", list: []string{"", "ab", "", "c"}, purse: 10, reserved: 3},
		{name: "at the limit", list: []string{strings.Repeat("a", 9_999), "b"}, purse: 20_000, reserved: 10_000},
		{name: "an announcement that is wrong", list: []string{"ab"}, announced: 9_000, purse: 10, reserved: 2},
		{name: "above the limit", list: []string{strings.Repeat("a", 9_999), "bc"}, purse: 20_000,
			code: fairlead.ResourceExhausted, text: "limit of 10000 bytes (opt.Max)", reserved: 9_999},
		{name: "announced above the limit", list: []string{"a"}, announced: 10_001, purse: 20_000,
			code: fairlead.ResourceExhausted, text: "of 10001 bytes exceeds"},
		{
			name: "no memory", list: []string{"abc", "def"}, purse: 5, code: fairlead.ResourceExhausted, text: "purse",
			reserved: 3,
		},
		{name: "peer gone", list: []string{"abc"}, err: lost, purse: 10, code: fairlead.Canceled, reserved: 3},
		{name: "too late", err: late, purse: 10, code: fairlead.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.err == nil {
				tt.err = io.EOF
			}
			want := strings.Join(tt.list, "")
			var r rest
			b := Body{
				Source: &bodyParts{tt.list, tt.err}, Limit: NewLimit(10_000, "owner", "opt.Max"), Announced: tt.announced,
				Reserver: &purse{tt.purse}, Expecter: &r,
			}
			got, err := b.Read()
			if fairlead.CodeOf(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.code, tt.text)
			}
			if err == nil && string(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if b.Reserved() != tt.reserved || r.open != 0 {
				t.Errorf("got %d bytes reserved, want %d; %d are still expected", b.Reserved(), tt.reserved, r.open)
			}
			b.Close()
			b.Close()
		})
	}
	if b, err := (&Body{Source: &bodyParts{nil, io.EOF}, Limit: NewLimit(1, "", "")}).Read(); b != nil || err != nil {
		t.Errorf("nobody accounts: got %q, %v", b, err)
	}
}

// TestAlways: what gets longer by compression is sent compressed only if it must be.
func TestAlways(t *testing.T) {
	t.Parallel()
	for _, always := range []bool{false, true} {
		m := &protocol.Message{Bytes: []byte("a")}
		o := Outgoing{Limit: NewLimit(0, "", ""), Compressor: longer{}, Always: always}
		held, err := o.compress(m, nil)
		if err != nil || (m.Flags == FlagCompressed) != always {
			t.Errorf("always %v: got flags %d, %v", always, m.Flags, err)
		}
		buffer.Put(held)
	}
}

// longer is a compressor that makes everything longer.
type longer struct{}

func (longer) Name() string { return "longer" }
func (longer) AppendCompress(dst, src []byte) ([]byte, error) {
	return append(append(dst, src...), '+'), nil
}
func (longer) AppendDecompress(dst, _ []byte, _ int) ([]byte, error) {
	return dst, errors.ErrUnsupported
}

func TestReceivePrefixed(t *testing.T) {
	t.Parallel()
	var fields, md fairlead.Metadata
	for _, kv := range []string{"a 1", "trailer-b 2", "trailer-te 3", "trailer-c-bin /w,AQ", "trailer-b 4"} {
		k, v, _ := strings.Cut(kv, " ")
		fields.Add(k, v)
	}
	if key, ok := ReceivePrefixed(&md, &fields, "trailer-", ReservedByHTTP); !ok {
		t.Fatalf("malformed: %s", key)
	}
	var got []string
	for k, v := range md.All() {
		got = append(got, k+"="+v)
	}
	if want := "b=2 c-bin=\xff c-bin=\x01 b=4"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	fields.Add("trailer-d-bin", "?")
	if key, ok := ReceivePrefixed(&md, &fields, "trailer-", ReservedByHTTP); ok || key != "trailer-d-bin" {
		t.Errorf("got %q, %v, want the malformed field", key, ok)
	}
}

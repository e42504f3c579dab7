package rpcwire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
)

// pieces cuts b where cuts say; what they leave is the last piece.
func pieces(b, cuts []byte) (all [][]byte) {
	for _, n := range cuts {
		n := min(int(n), len(b))
		all = append(all, b[:n:n])
		b = b[n:]
	}
	return append(all, b)
}

// FuzzEnvelope reads messages from a body that comes in any pieces, and compares with those of the body as a whole.
func FuzzEnvelope(f *testing.F) {
	f.Add(append(frame(0, "one"), frame(1, "two")...), []byte{1, 3, 1})
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 1}, []byte{5})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{4, 0, 1})
	f.Add([]byte{2, 0, 0, 0, 0}, []byte(nil))
	f.Add(frame(0, strings.Repeat("a", 3000)), []byte{200, 200, 200, 255})
	f.Fuzz(func(t *testing.T, body, cuts []byte) {
		const most = 2000
		want, wantErr := messagesOf(body, most)
		buffer.Count(true)
		defer buffer.Count(false)
		acct := new(account)
		r := Reader{Source: &parts{left: pieces(bytes.Clone(body), cuts)}, Limit: NewLimit(most, "", ""), Reserver: acct}
		var err error
		longest := 0
		for i := 0; ; i++ {
			var m []byte
			var flags uint8
			if m, flags, err = r.Next(); err != nil {
				if i != len(want) {
					t.Fatalf("%d messages and then %v, want %d", i, err, len(want))
				}
				break
			}
			if i >= len(want) || !bytes.Equal(frame(flags, string(m)), want[i]) {
				t.Fatalf("message %d: got %x with the flags %d", i, m, flags)
			}
			longest = max(longest, len(m))
		}
		if again := func() error { _, _, err := r.Next(); return err }(); again != err { //nolint:errorlint // the same one
			t.Errorf("got %v and then %v", err, again)
		}
		_, refused := errors.AsType[*fairlead.Error](err)
		if refused != (wantErr == nil) || !refused && err != wantErr { //nolint:errorlint // bare
			t.Errorf("got error %v, want %v", err, wantErr)
		}
		// A message that does not come to its end counts as far as it came.
		if longest = max(longest, min(len(body), most)); acct.sum > longest || acct.sum != r.reserved {
			t.Errorf("%d bytes were reserved, %d noted, for at most %d", acct.sum, r.reserved, longest)
		}
		if text := buffer.Leaks(); text != "" {
			t.Errorf("buffers are left:\n%s", text)
		}
	})
}

// messagesOf takes a body apart; a nil error stands for one that says what is wrong with a prefix.
func messagesOf(b []byte, most uint32) (all [][]byte, err error) {
	for {
		switch {
		case len(b) == 0:
			return all, io.EOF
		case len(b) < PrefixSize:
			return all, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(b[1:])
		switch {
		case b[0] > 1, n > most:
			return all, nil
		case int(n) > len(b)-PrefixSize:
			return all, io.ErrUnexpectedEOF
		}
		all = append(all, b[:PrefixSize+n])
		b = b[PrefixSize+n:]
	}
}

// FuzzTimeoutValue compares with the grammar of the specification, and with numbers of any size.
func FuzzTimeoutValue(f *testing.F) {
	for _, s := range []string{"1n", "99999999H", "", "S", "00000000u", "18446744S", "123456789n", "1 S", "-1S", "1x"} {
		f.Add(s, int64(len(s))*1_234_567_890)
	}
	grammar := regexp.MustCompile(`^[0-9]{1,8}[HMSmun]$`)
	f.Fuzz(func(t *testing.T, v string, n int64) {
		d, ok := ParseTimeout([]byte(v))
		if ok != grammar.MatchString(v) {
			t.Fatalf("parseTimeout(%q): got %v, %v", v, d, ok)
		}
		if ok {
			want, _ := new(big.Int).SetString(v[:len(v)-1], 10)
			want.Mul(want, big.NewInt(int64(unitOf(v[len(v)-1]))))
			if most := big.NewInt(math.MaxInt64); want.Cmp(most) > 0 {
				want = most
			}
			if want.Int64() != int64(d) {
				t.Errorf("parseTimeout(%q): got %d, want %d", v, d, want)
			}
		}
		out := AppendTimeout([]byte("x"), time.Duration(n))
		if !grammar.Match(out[1:]) || out[0] != 'x' {
			t.Fatalf("appendTimeout(%d): got %q", n, out)
		}
		back, _ := ParseTimeout(out[1:])
		given := time.Duration(max(n, 0))
		// No unit finer than the one chosen could have been, so not more than one part in a million is added.
		if back < given || back-given > given/1_000_000 && back != math.MaxInt64 {
			t.Errorf("appendTimeout(%d): got %q, which is %v and not %v", n, out[1:], back, given)
		}
	})
}

// FuzzPercent compares percent-decoding with net/url's, which is stricter, and looks at what encoding gives.
func FuzzPercent(f *testing.F) {
	for _, s := range []string{"", "plain", "%", "%4", "%41%zz", "100%", "☺\n", "\xff\xfe", " a ", "%E2%98%BA", "+"} {
		f.Add(s)
	}
	plainText := regexp.MustCompile(`^([!-$&-~]|%[0-9A-F]{2}| )*$`)
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeMessage(s)
		if len(got) > len(s) {
			t.Errorf("decodeMessage(%q): got %q, which is longer", s, got)
		}
		if want, err := url.PathUnescape(s); err == nil && got != want {
			t.Errorf("decodeMessage(%q): got %q, want %q", s, got, want)
		}
		wire := EncodeMessage(s)
		if !plainText.MatchString(wire) || strings.Trim(wire, " ") != wire {
			t.Errorf("encodeMessage(%q): got %q", s, wire)
		}
		if back := DecodeMessage(wire); back != strings.ToValidUTF8(s, "\uFFFD") {
			t.Errorf("%q became %q on the way", s, back)
		}
	})
}

// FuzzBinaryValue decodes what peers may send for fields of bytes: base64 with padding or without, several values
// joined by commas. What is taken is what encoding/base64 reads once the padding is made uniform.
func FuzzBinaryValue(f *testing.F) {
	for _, s := range []string{"", "AQI", "AQI=", "AQ==", "AQ=", "a,b,c", "AQI, AQI=,", "====", "A", "AQ==AQ==", "-_-_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var md fairlead.Metadata
		ok := addBinary(&md, "k-bin", s)
		var want []string
		wantOK := true
		for one := range strings.SplitSeq(s, ",") {
			one = strings.TrimSpace(one)
			if strings.ContainsAny(one, "\r\n") {
				return // never part of a value; encoding/base64 passes over them
			}
			bare := strings.TrimRight(one, "=")
			b, err := base64.RawStdEncoding.DecodeString(bare)
			if padding := len(one) - len(bare); err != nil || padding > 0 && (len(one)%4 != 0 || padding > 2) {
				wantOK = false
				break
			}
			want = append(want, string(b))
		}
		if ok != wantOK || ok && !slices.Equal(md.Values("k-bin"), want) {
			t.Errorf("%q: got %q, %v, want %q, %v", s, md.Values("k-bin"), ok, want, wantOK)
		}
	})
}

// FuzzMetadata sends a user's metadata and reads it on the other side.
func FuzzMetadata(f *testing.F) {
	f.Add("a", "b", "c-bin", "\x00\xff")
	f.Add("grpc-status", "0", "x", " v ")
	f.Add("X", "☺", "-bin", "")
	f.Add("grpc-trace-bin", "a,b", "te", "gzip")
	name := regexp.MustCompile(`^[0-9a-z_.-]+$`)
	printable := regexp.MustCompile(`^([!-~]([ -~]*[!-~])?)?$`)
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		var md fairlead.Metadata
		md.Append(k1, v1)
		md.Append(k2, v2)
		dropped := 0
		out := Sendable(&md, reserved, func(_, why string) {
			if why == "" {
				t.Error("a field was left out without a reason")
			}
			dropped++
		})
		if out == nil || out.Len()+dropped != 2 {
			t.Fatalf("of two fields %d were dropped, and there is %v", dropped, out)
		}
		var wire, back fairlead.Metadata
		for k, v := range out.All() {
			if !name.MatchString(k) || reserved(k) {
				t.Errorf("%q is sent", k)
			}
			if strings.HasSuffix(k, BinSuffix) {
				v = base64.RawStdEncoding.EncodeToString([]byte(v))
			}
			if !printable.MatchString(v) {
				t.Errorf("%q: %q is sent", k, v)
			}
			wire.Append(k, v)
		}
		if key, ok := Receive(&back, &wire, reserved); !ok {
			t.Fatalf("%q cannot be read on the other side", key)
		}
		if back.Len() != out.Len() {
			t.Fatalf("%d fields arrive of %d", back.Len(), out.Len())
		}
		for i := range back.Len() {
			bk, bv := back.At(i)
			if k, v := out.At(i); bk != k || bv != v {
				t.Errorf("%q: %q became %q: %q", k, v, bk, bv)
			}
		}
		// What comes from a peer that keeps no rules is taken or refused.
		var taken fairlead.Metadata
		if _, ok := Receive(&taken, &md, reserved); ok && taken.Len() > 2+strings.Count(v1+v2, ",") {
			t.Errorf("%d fields came of two", taken.Len())
		}
	})
}

// FuzzStatusFields reads the status of arbitrary trailers.
func FuzzStatusFields(f *testing.F) {
	f.Add("0", "", "")
	f.Add("5", "no%20such", base64.RawStdEncoding.EncodeToString(EncodeStatus(5, "no such", nil)))
	f.Add("99", "%", "AAAA=")
	f.Add("4294967296", "☺", "\x00")
	f.Add("-1", "", "CA")
	f.Fuzz(func(t *testing.T, code, message, details string) {
		var md fairlead.Metadata
		md.Append(FieldMessage, message)
		if details != "" {
			md.Append(FieldDetails, details)
		}
		if err, found := StatusOf(&md); err != nil || found {
			t.Errorf("without a status: got %v, %v", err, found)
		}
		md.Append(FieldStatus, code)
		err, found := StatusOf(&md)
		switch {
		case !found:
			t.Errorf("the status %q is not found", code)
		case err == nil:
			if strings.Trim(code, "0") != "" || code == "" {
				t.Errorf("the status %q is taken for OK", code)
			}
		case err.Code == fairlead.OK:
			t.Errorf("the status %q is an error with the code OK", code)
		case len(err.Details) > 0 && err.Code == fairlead.Unknown && code != "2" && strings.TrimLeft(code, "0") != "2":
			t.Errorf("the status %q has details", code)
		}
	})
}

// statusType is google.rpc.Status with bytes for its strings, since details are taken whatever their UTF-8, and with a
// code of 64 bits.
func statusType(f *testing.F) protoreflect.MessageDescriptor {
	f.Helper()
	field := func(name string, n int32, typ descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: new(name), Number: new(n), Type: typ.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	const octets = descriptorpb.FieldDescriptorProto_TYPE_BYTES
	details := field("details", 3, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE)
	details.TypeName = new(".fuzz.Any")
	details.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("fuzz.proto"), Package: new("fuzz"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: new("Status"), Field: []*descriptorpb.FieldDescriptorProto{
				field("code", 1, descriptorpb.FieldDescriptorProto_TYPE_UINT64), field("message", 2, octets), details,
			}},
			{Name: new("Any"), Field: []*descriptorpb.FieldDescriptorProto{
				field("type_url", 1, octets), field("value", 2, octets),
			}},
		},
	}, nil)
	if err != nil {
		f.Fatal(err)
	}
	return file.Messages().ByName("Status")
}

// FuzzDetails compares the reading of a google.rpc.Status with google.golang.org/protobuf's.
func FuzzDetails(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(EncodeStatus(3, "m", []fairlead.Detail{{Type: "t", Value: []byte("v")}, {}}))
	f.Add([]byte("\x1a\xff\xff\xff\xff\x0f"))
	f.Add([]byte("\x08\x05\x08\x06\x12\x01a\x12\x00\x48\x01\x1b\x08\x01\x1c"))
	f.Add([]byte("\x08\xff\xff\xff\xff\x0f"))
	typ := statusType(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		code, message, details, ok := ParseStatus(bytes.Clone(b))
		m := dynamicpb.NewMessage(typ)
		err := proto.Unmarshal(b, m)
		if ok != (err == nil) {
			if err == nil && largeCode(b) {
				return // a code is an int32 that is not negative
			}
			t.Fatalf("got %v, protobuf's verdict is %v", ok, err)
		}
		if !ok {
			return
		}
		get := func(m protoreflect.Message, n protoreflect.FieldNumber) protoreflect.Value {
			return m.Get(m.Descriptor().Fields().ByNumber(n))
		}
		list := get(m, 3).List()
		if uint64(code) != get(m, 1).Uint() || message != string(get(m, 2).Bytes()) || len(details) != list.Len() {
			t.Fatalf("got %v, %q and %d details, want %v", code, message, len(details), m)
		}
		for i, d := range details {
			a := list.Get(i).Message()
			if d.Type != string(get(a, 1).Bytes()) || !bytes.Equal(d.Value, get(a, 2).Bytes()) {
				t.Errorf("detail %d: got %q, %x, want %v", i, d.Type, d.Value, a)
			}
		}
	})
}

// largeCode says whether a well-formed status has a code that is larger than it may be.
func largeCode(b []byte) bool {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		if num == statusCode && typ == protowire.VarintType {
			if v, _ := protowire.ConsumeVarint(b); v > math.MaxInt32 {
				return true
			}
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return false
		}
		b = b[n:]
	}
	return false
}

// FuzzAccepts reads lists of encodings.
func FuzzAccepts(f *testing.F) {
	f.Add("gzip, identity,zstd", "gzip")
	f.Add(",,", "")
	f.Add("gzip;q=1", "gzip")
	f.Fuzz(func(t *testing.T, list, name string) {
		want := slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == name })
		// Nobody is called "".
		if got := Accepts(list, name); got != want && name != "" {
			t.Errorf("accepts(%q, %q): got %v, want %v", list, name, got, want)
		}
	})
}

package jsonwire_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/jsonwire"
)

func decoder(text string) *jsonwire.Decoder {
	d := new(jsonwire.Decoder)
	d.Reset([]byte(text), &jsonwire.Options{})
	return d
}

func TestIntegers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"7", 7, true},
		{"-7", -7, true},
		{`"7"`, 7, true},
		{`"-7"`, -7, true},
		{`"\u0037"`, 7, true},
		{"7.0", 7, true},
		{"7.000", 7, true},
		{"7e2", 700, true},
		{"7E+2", 700, true},
		{"700e-2", 7, true},
		{"0.07e2", 7, true},
		{"7.5e1", 75, true},
		{"0e99999999999", 0, true},
		{"0.0e-5", 0, true},
		{"9223372036854775807", math.MaxInt64, true},
		{"-9223372036854775808", math.MinInt64, true},
		{`"-9223372036854775808"`, math.MinInt64, true},
		{"9.223372036854775807e18", math.MaxInt64, true},
		{"123456789012345678", 123456789012345678, true},
		{"1234567890123456789", 1234567890123456789, true},
		{"9223372036854775808", 0, false},
		{"-9223372036854775809", 0, false},
		{"99999999999999999999", 0, false},
		{"999999999999999999999999999999999999", 0, false},
		{"1e19", 0, false},
		{"1e2147483647", 0, false},
		{"1e2147483648", 0, false},
		{"1e-2147483648", 0, false},
		{"1.5", 0, false},
		{"75e-1", 0, false},
		{"1e", 0, false},
		{"1e+", 0, false},
		{"1.", 0, false},
		{".5", 0, false},
		{"01", 0, false},
		{"-", 0, false},
		{"+1", 0, false},
		{`" 1"`, 0, false},
		{`"1 "`, 0, false},
		{`""`, 0, false},
		{`"-"`, 0, false},
		{`"1`, 0, false},
		{`"NaN"`, 0, false},
		{"0x1", 0, false},
		{"1_0", 0, false},
		{"true", 0, false},
		{"null", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		d := decoder(tt.text)
		got := d.Int64()
		if err := d.End(); (err == nil) != tt.ok || tt.ok && got != tt.want {
			t.Errorf("Int64(%s): got %d, %v, want %d, %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func TestBoundsOfIntegers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		read     func(d *jsonwire.Decoder) any
		low      string
		high     string
		least    any
		greatest any
		below    string
		above    string
	}{
		{
			"int32", func(d *jsonwire.Decoder) any { return d.Int32() }, "-2147483648", "2147483647",
			int32(math.MinInt32), int32(math.MaxInt32), "-2147483649", "2147483648",
		},
		{
			"uint32", func(d *jsonwire.Decoder) any { return d.Uint32() }, "-0", "4294967295",
			uint32(0), uint32(math.MaxUint32), "-1", "4294967296",
		},
		{
			"uint64", func(d *jsonwire.Decoder) any { return d.Uint64() }, "-0.0", "18446744073709551615",
			uint64(0), uint64(math.MaxUint64), "-1", "18446744073709551616",
		},
	}
	for _, tt := range tests {
		for text, want := range map[string]any{tt.low: tt.least, tt.high: tt.greatest, tt.below: nil, tt.above: nil} {
			for _, text := range []string{text, strconv.Quote(text)} {
				d := decoder(text)
				got := tt.read(d)
				if err := d.End(); (err == nil) != (want != nil) || want != nil && got != want {
					t.Errorf("%s: %s: got %v, %v, want %v", tt.name, text, got, err, want)
				}
			}
		}
	}
}

// TestFloats compares with package strconv, and that what is written is read as the same number.
func TestFloats(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	check := func(v float64) {
		for _, format := range []byte("gfe") {
			for _, precision := range []int{-1, 0, 3, 16} {
				text := strconv.FormatFloat(v, format, precision, 64)
				want, err := strconv.ParseFloat(text, 64)
				d := decoder(text)
				if got := d.Float64(); math.Float64bits(got) != math.Float64bits(want) || (d.End() == nil) != (err == nil) {
					t.Errorf("Float64(%s): got %v, %v, want %v, %v", text, got, d.End(), want, err)
				}
				want, err = strconv.ParseFloat(text, 32)
				d = decoder(text)
				got := d.Float32()
				if err == nil && math.Float32bits(got) != math.Float32bits(float32(want)) || (d.End() == nil) != (err == nil) {
					t.Errorf("Float32(%s): got %v, %v, want %v, %v", text, got, d.End(), want, err)
				}
			}
		}
		var e jsonwire.Encoder
		text := string(e.AppendFloat64(nil, v))
		if want, err := json.Marshal(v); err != nil || text != string(want) {
			t.Errorf("AppendFloat64(%v): got %s, want %s, %v", v, text, want, err)
		}
		v32 := float32(v)
		if math.IsInf(float64(v32), 0) {
			return
		}
		text = string(e.AppendFloat32(nil, v32))
		if want, err := json.Marshal(v32); err != nil || text != string(want) {
			t.Errorf("AppendFloat32(%v): got %s, want %s, %v", v32, text, want, err)
		}
	}
	for range 2000 {
		if v := math.Float64frombits(rnd.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			check(v)
		}
		check(float64(math.Float32frombits(rnd.Uint32()&0x7f7fffff | 1<<31&rnd.Uint32())))
		check(float64(rnd.IntN(1e9)) / math.Pow10(rnd.IntN(12)))
		check(float64(rnd.Int64() >> rnd.IntN(64)))
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1e-6, 1e21, 9.999999e20, 1 << 24, 1<<24 + 1, 1e22, 1e23, 5e-324} {
		check(v)
		check(-v)
	}
	for _, text := range []string{
		"", "-", ".", "1.", ".1", "1e", "1e+", "01", "--1", "+1", "Infinity", "NaN", "1x", "0x1p3", `"inf"`, `"1`,
		`" 1"`, "1e400", `"+Infinity"`, "true", "null", "{}",
	} {
		d := decoder(text)
		if got := d.Float64(); d.End() == nil {
			t.Errorf("Float64(%s): got %v and no error", text, got)
		}
	}
	for text, want := range map[string]float64{
		`"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), `"\u0049nfinity"`: math.Inf(1), `"1.5"`: 1.5, `"-1e2"`: -100,
	} {
		d := decoder(text)
		if got := d.Float64(); got != want || d.End() != nil {
			t.Errorf("Float64(%s): got %v, %v, want %v", text, got, d.End(), want)
		}
	}
	d := decoder(`"NaN"`)
	if got := d.Float32(); !math.IsNaN(float64(got)) || d.End() != nil {
		t.Errorf("Float32(NaN): got %v, %v", got, d.End())
	}
}

// TestDates compares with package time, for each day around the turn of months and years, and random ones.
func TestDates(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	check := func(u time.Time) {
		var e jsonwire.Encoder
		got := string(e.AppendTimestamp(nil, u.Unix(), int32(u.Nanosecond())))
		want := u.Format("2006-01-02T15:04:05.000000000")
		for range 2 {
			want = strings.TrimSuffix(want, "000")
		}
		want = `"` + strings.TrimSuffix(want, ".000") + `Z"`
		if got != want {
			t.Fatalf("AppendTimestamp: got %s, want %s", got, want)
		}
		d := decoder(got)
		if seconds, nanos := d.Timestamp(); d.End() != nil || seconds != u.Unix() || int(nanos) != u.Nanosecond() {
			t.Fatalf("Timestamp(%s): got %d.%09d, %v, want %d", got, seconds, nanos, d.End(), u.Unix())
		}
	}
	for year := 1; year <= 9999; year += 1 + rnd.IntN(3) {
		for _, month := range []time.Month{1, 2, 3, 12} {
			for _, day := range []int{1, 28, 29, 31} {
				if u := time.Date(year, month, day, 23, 59, 59, rnd.IntN(1000)*1e6, time.UTC); u.Year() <= 9999 {
					check(u)
				}
			}
		}
	}
	for range 5000 {
		check(time.Unix(-62135596800+rnd.Int64N(315537897600), rnd.Int64N(1000)).UTC())
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"2020-02-30T00:00:00Z", "2021-02-29T00:00:00Z", "2020-04-31T00:00:00Z", "2020-00-01T00:00:00Z",
		"2020-13-01T00:00:00Z",
		"2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z", "2020-01-01T00:00:60Z", "2020-01-01 00:00:00Z", "2020-01-01T00:00:00",
		"2020-01-01T00:00:00.Z", "2020-01-01T00:00:00.1234567891Z", "0000-12-31T00:00:00Z", "0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01", "2020-01-01t00:00:00z", "", "Z",
	} {
		d := decoder(strconv.Quote(text))
		if seconds, nanos := d.Timestamp(); d.End() == nil {
			t.Errorf("%s: got %d.%09d and no error", text, seconds, nanos)
		}
	}
	for text, want := range map[string]int64{
		"2020-01-01T01:00:00+01:00": 1577836800, "2020-01-01T00:00:00.5-00:30": 1577838600, "1970-01-01T00:00:00Z": 0,
	} {
		d := decoder(strconv.Quote(text))
		if seconds, _ := d.Timestamp(); d.End() != nil || seconds != want {
			t.Errorf("%s: got %d, %v, want %d", text, seconds, d.End(), want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text    string
		seconds int64
		nanos   int32
		ok      bool
	}{
		{"0s", 0, 0, true},
		{"-0.5s", 0, -5e8, true},
		{"1.s", 1, 0, true},
		{".1s", 0, 1e8, true},
		{"+1.000000001s", 1, 1, true},
		{"-315576000000.999999999s", -315576000000, -999999999, true},
		{"315576000001s", 0, 0, false},
		{"99999999999999999999999s", 0, 0, false},
		{"1.0000000001s", 0, 0, false},
		{"01s", 0, 0, false},
		{"1", 0, 0, false},
		{"s", 0, 0, false},
		{"-s", 0, 0, false},
		{"--1s", 0, 0, false},
		{"1m", 0, 0, false},
		{"1e2s", 0, 0, false},
		{" 1s", 0, 0, false},
		{"", 0, 0, false},
	}
	for _, tt := range tests {
		d := decoder(strconv.Quote(tt.text))
		seconds, nanos := d.Duration()
		if ok := d.End() == nil; ok != tt.ok || seconds != tt.seconds || nanos != tt.nanos {
			t.Errorf("%s: got %d, %d, %v, want %d, %d, %v", tt.text, seconds, nanos, d.End(), tt.seconds, tt.nanos, tt.ok)
		}
	}
}

// TestText compares with encoding/json: each byte and each place where a string differs, at all lengths of the words
// that are looked at together.
func TestText(t *testing.T) {
	t.Parallel()
	var e jsonwire.Encoder
	for _, piece := range []string{
		"\"", "\\", "\x00", "\x1f", " ", "\x7f", "é", "\u2028", "\U0001f600", "<>&", "\ufffd",
	} {
		for length := range 40 {
			for at := range length + 1 {
				s := strings.Repeat("x", at) + piece + strings.Repeat("y", length-at)
				got := string(e.AppendString(nil, s))
				var back string
				if err := json.Unmarshal([]byte(got), &back); err != nil || back != s {
					t.Fatalf("AppendString(%q): got %s, read as %q, %v", s, got, back, err)
				}
				for _, text := range []string{got, strconv.QuoteToASCII(s)} {
					if !json.Valid([]byte(text)) {
						continue // a string of Go but not of JSON
					}
					d := decoder(text + " ")
					if read := d.String(); read != s || d.End() != nil {
						t.Fatalf("String(%s): got %q, %v, want %q", text, read, d.End(), s)
					}
				}
			}
		}
	}
	if err := e.Err(nil); err != nil {
		t.Error(err)
	}
}

// TestPath: names that are long, numerous or not identifiers do not make long errors.
func TestPath(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 1000)
	for text, want := range map[string]string{
		`{"` + long + `":x`:                             `["` + long[:64] + `…"]: `,
		strings.Repeat(`[`, 900) + `x`:                  strings.Repeat("[0]", 85) + "[…: ",
		`{"a":[1,{"b":[[],{"c.d":x`:                     `a[1].b[1]["c.d"]: `,
		`{"a":"},{\"","b\"c":{"":x`:                     `["b\"c"][""]: `,
		`[{"a":1},{"a":2},{"b":{"c":3},"d":[4,5],"e":x`: `[2].e: `,
	} {
		d := decoder(text)
		d.Skip()
		if err := d.End(); err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.40s: got %v, want %s", text, err, want)
		}
	}
}

// FuzzSkip compares what is accepted with encoding/json, which accepts strings that are not UTF-8 and single
// surrogates.
func FuzzSkip(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e+3,"x\n\u00e9",true,false,null,{}]}`, `[[],{},[{"":""}]] `, `"\ud83d\ude00"`, `{"a" : 1 , "b":2}`, `1e`,
		`nul`, "\"\xff\"", `[1,]`, `{"a":1,}`, `{,}`, `00`, `-`, "\"\x00\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d := decoder(string(src))
		d.Skip()
		err := d.End()
		valid := json.Valid(src)
		if err == nil && !valid {
			t.Errorf("accepted %q, which is no JSON", src)
		}
		if err != nil && valid && utf8.Valid(src) && !strings.Contains(strings.ToLower(string(src)), `\ud`) &&
			!strings.Contains(err.Error(), "too deeply") {
			t.Errorf("refused %q: %v", src, err)
		}
	})
}

// FuzzModel: decoding does not panic, and what it gives has an encoding that is read as the same.
func FuzzModel(f *testing.F) {
	for _, seed := range []string{
		fullJSON, `{}`, `{"any":{"@type":"x"},"value":null,"nothing":null}`, `{"labels":{"a":"b","a":"c"}}`,
		`{"byId":{"1":{},"01":{}}}`, `{"name":"\ud800"}`, `{"small":1e999999999}`, `{"ratio":1e-999,"share":1e38}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, src []byte, refuse bool) {
		m, err := decode(string(src), jsonwire.Options{RefuseUnknown: refuse})
		if err != nil {
			return
		}
		text, err := encode(m, jsonwire.Options{})
		if err != nil {
			t.Fatalf("encode what %q gave: %v", src, err)
		}
		again, err := decode(text, jsonwire.Options{RefuseUnknown: true})
		if err != nil {
			t.Fatalf("decode %s, which %q gave: %v", text, src, err)
		}
		// As text, in which NaN equals NaN.
		if got := fmt.Sprint(encode(again, jsonwire.Options{})); got != fmt.Sprint(text, nil) {
			t.Errorf("%q gave %s and then %s", src, text, got)
		}
	})
}

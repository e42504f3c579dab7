package http2

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// TestDifferingResponses sends as many heads and requests as a connection may live to see, each unlike the others: what
// the encoder keeps is what they have in common. Another implementation reads them.
func TestDifferingResponses(t *testing.T) {
	t.Parallel()
	const n = 10_000
	common := protocol.NewBlock("content-type", "application/json", "server", "test")
	request := protocol.NewBlock(":scheme", "http", ":authority", "localhost", "user-agent", "test")
	statuses := []int{200, 201, 204, 206, 304, 400, 404, 418, 500, 599}
	for _, tt := range []struct {
		name   string
		block  func(e *encoder, i int) (b []byte, want []string)
		blocks int
		size   int
	}{
		{"status and fields", func(e *encoder, i int) ([]byte, []string) {
			status := statuses[i%len(statuses)]
			var md fairlead.Metadata
			md.Add("etag", strconv.Itoa(i))
			md.Add("x-data-bin", "\x01")
			b := e.section(e.begin(nil), &protocol.Section{Status: status, Block: common, Extra: &md})
			return b, []string{
				":status", strconv.Itoa(status), "content-type", "application/json", "server", "test",
				"etag", strconv.Itoa(i), "x-data-bin", "\x01",
			}
		}, 1, 200},
		{"names", func(e *encoder, i int) ([]byte, []string) {
			var md fairlead.Metadata
			md.Add("x-"+strconv.Itoa(i), "v")
			return e.section(e.begin(nil), &protocol.Section{Status: 200, Extra: &md}),
				[]string{":status", "200", "x-" + strconv.Itoa(i), "v"}
		}, 0, 1000},
		{"method, path and query", func(e *encoder, i int) ([]byte, []string) {
			verb := []string{"GET", "POST", "PUT", "PATCH"}[i%4]
			query, path := "", fmt.Sprintf("/items/%d", i)
			full := path
			if i%3 > 0 {
				query = fmt.Sprintf("page=%d", i)
				full += "?" + query
			}
			return e.block(e.target(e.begin(nil), verb, path, query), request), []string{
				":method", verb, ":path", full, ":scheme", "http", ":authority", "localhost", "user-agent", "test",
			}
		}, 1, 200},
		{"a block for each", func(e *encoder, i int) ([]byte, []string) {
			kv := []string{":status", "200", "content-type", "application/json", "etag", strconv.Itoa(i)}
			return e.block(e.begin(nil), protocol.NewBlock(kv...)), kv
		}, maxBlocks, decoderTableSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			dec := hpack.NewDecoder(decoderTableSize, func(f hpack.HeaderField) { got = append(got, f.Name, f.Value) })
			e := newEncoder()
			for i := range n {
				got = nil
				b, want := tt.block(&e, i)
				if _, err := dec.Write(b); err != nil {
					t.Fatalf("%d: x/net cannot decode %x: %v", i, b, err)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%d: got %q, want %q", i, got, want)
				}
			}
			if len(e.blocks) > tt.blocks || len(e.places) > tt.blocks {
				t.Errorf("%d blocks and %d places are kept, want at most %d", len(e.blocks), len(e.places), tt.blocks)
			}
			if e.size > tt.size || len(e.lines) > tt.size/entryOverhead || len(e.names) > maxIndexedNames {
				t.Errorf("the table has %d bytes, %d lines and %d names, want at most %d bytes",
					e.size, len(e.lines), len(e.names), tt.size)
			}
		})
	}
}

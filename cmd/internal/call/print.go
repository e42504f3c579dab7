package call

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/dynamic"
)

// printer writes messages. Its output is the same each time, unlike that of packages protojson and prototext, which
// vary the white space on purpose.
type printer struct {
	contract *dynamic.Source
	text     bool // protobuf's text format, not JSON
	compact  bool // a line for each message
	defaults bool // fields that are not set, too
	printed  int
}

// print writes a message that was received.
func (p *printer) print(ctx context.Context, w io.Writer, m proto.Message) error {
	p.contract.Resolver(ctx).DecodeExtensions(m)
	b, err := p.format(ctx, m)
	if err != nil {
		return err
	}
	if p.text && p.printed > 0 && !p.compact {
		b = append([]byte("\n"), b...)
	}
	p.printed++
	_, err = w.Write(append(b, '\n'))
	return err
}

// format returns the text of a message, without a line break at the end.
func (p *printer) format(ctx context.Context, m proto.Message) ([]byte, error) {
	resolver := p.contract.Resolver(ctx).Opaque()
	if p.text {
		o := prototext.MarshalOptions{Multiline: !p.compact, AllowPartial: true, EmitUnknown: true, Resolver: resolver}
		b, err := o.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("cannot print the response as text: %w", err)
		}
		return steady(b, p.compact), nil
	}
	b, err := protojson.MarshalOptions{
		AllowPartial: true, EmitDefaultValues: p.defaults, Resolver: resolver,
	}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("cannot print the response as JSON: %w; --format text may show it", err)
	}
	var out bytes.Buffer
	if p.compact {
		err = json.Compact(&out, b)
	} else {
		err = json.Indent(&out, b, "", "  ")
	}
	return out.Bytes(), err
}

// The expressions match keys of the text format, with the white space behind them, which varies.
var (
	keys   = regexp.MustCompile(`(?m)^( *[\w.\[\]/-]+:) +`)
	spaces = regexp.MustCompile(`"(?:[^"\\]|\\.)*"| {2,}`)
)

// steady removes what varies in the text format.
func steady(b []byte, compact bool) []byte {
	if !compact {
		return bytes.TrimRight(keys.ReplaceAll(b, []byte("$1 ")), "\n")
	}
	return spaces.ReplaceAllFunc(b, func(found []byte) []byte {
		if found[0] == '"' {
			return found
		}
		return []byte(" ")
	})
}

package call

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// exitStatus is added to a gRPC status code for the exit code.
const exitStatus = 64

// failure writes errors of calls.
type failure struct {
	w       io.Writer
	paint   cli.Painter
	printer *printer
	json    bool
}

// report writes the error of a call, with what may help, and returns what the command ends with: 64 and the code.
func (f *failure) report(ctx context.Context, err error, hints []string) error {
	e := fairlead.ErrorOf(err)
	if f.json {
		f.status(ctx, e)
	} else {
		f.describe(ctx, e, hints)
	}
	return &cli.Error{Code: exitStatus + int(e.Code)}
}

func (f *failure) describe(ctx context.Context, e *fairlead.Error, hints []string) {
	fmt.Fprintf(f.w, "%s (%d)", f.paint.Paint(cli.Red, e.Code.String()), e.Code)
	if e.Message != "" {
		fmt.Fprintf(f.w, ": %s", cli.Clean(e.Message))
	}
	fmt.Fprintln(f.w)
	for _, d := range e.Details {
		name := d.Type[strings.LastIndexByte(d.Type, '/')+1:]
		text, known := f.detail(ctx, &d)
		if !known {
			fmt.Fprintf(f.w, "  %s (unknown here, base64): %s\n", cli.Clean(d.Type), base64.StdEncoding.EncodeToString(d.Value))
			continue
		}
		fmt.Fprintf(f.w, "  %s: %s\n", f.paint.Paint(cli.Cyan, name), strings.ReplaceAll(text, "\n", "\n  "))
	}
	for _, h := range hints {
		fmt.Fprintf(f.w, "hint: %s\n", h)
	}
}

// detail returns the text of a detail; false when its type is not known, or its bytes are not of that type.
func (f *failure) detail(ctx context.Context, d *fairlead.Detail) (string, bool) {
	t, err := f.printer.contract.Resolver(ctx).FindMessageByURL(d.Type)
	if err != nil {
		return "", false
	}
	m := t.New().Interface()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(d.Value, m); err != nil {
		return "", false
	}
	f.printer.contract.Resolver(ctx).DecodeExtensions(m)
	b, err := f.printer.format(ctx, m)
	return string(b), err == nil
}

// status writes the error as the JSON of a google.rpc.Status.
func (f *failure) status(ctx context.Context, e *fairlead.Error) {
	s := struct {
		Code    int               `json:"code"`
		Message string            `json:"message,omitempty"`
		Details []json.RawMessage `json:"details,omitempty"`
	}{Code: int(e.Code), Message: strings.ToValidUTF8(e.Message, "\ufffd")}
	for i := range e.Details {
		s.Details = append(s.Details, f.detailJSON(ctx, &e.Details[i]))
	}
	if err := cli.PrintJSON(f.w, s); err != nil {
		fmt.Fprintln(f.w, e)
	}
}

// detailJSON returns a detail as the JSON of a google.protobuf.Any. One that cannot be decoded, since its type is not
// known or its bytes are not of that type, has them in base64 as "value".
func (f *failure) detailJSON(ctx context.Context, d *fairlead.Detail) json.RawMessage {
	o := protojson.MarshalOptions{AllowPartial: true, Resolver: f.printer.contract.Resolver(ctx)}
	b, err := o.Marshal(&anypb.Any{TypeUrl: d.Type, Value: d.Value})
	if err == nil {
		return b
	}
	b, err = json.Marshal(struct {
		Type  string `json:"@type"`
		Value []byte `json:"value"`
	}{strings.ToValidUTF8(d.Type, "\ufffd"), d.Value})
	if err != nil {
		return json.RawMessage("null") // strings and bytes can always be encoded
	}
	return b
}

package call

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// exitStatus is what a gRPC status code is added to for the exit code.
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
	s := &statuspb.Status{Code: int32(e.Code), Message: strings.ToValidUTF8(e.Message, "\ufffd")} //nolint:gosec // small
	for _, d := range e.Details {
		s.Details = append(s.Details, &anypb.Any{TypeUrl: d.Type, Value: d.Value})
	}
	o := protojson.MarshalOptions{AllowPartial: true, Resolver: f.printer.contract.Resolver(ctx).Opaque()}
	b, err := o.Marshal(s)
	if err != nil { // a detail whose bytes are not of its type
		s.Details = nil
		b, err = o.Marshal(s)
	}
	if err == nil {
		err = cli.PrintJSON(f.w, json.RawMessage(b))
	}
	if err != nil {
		fmt.Fprintln(f.w, e)
	}
}

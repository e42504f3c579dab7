package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/internal/near"
)

const describeLong = `Describe prints what a gRPC server's contract says of a symbol, as the text of a
.proto file: a service, method, message, field, enum, extension or file, by its full
name (greeter.v1.HelloRequest). Of services and methods the end of the name is enough
where only one fits. Without a symbol all services are described, but for those that
servers have beside their own (health, reflection). Comments are there if the
contract has them: it does with --proto, and servers in Go leave them out.

With --template a request to fill in is printed: for a message, or for a method's
request, JSON with all fields, which fairlead call takes.

Without --proto and --descriptor-set the server's reflection is asked. With one of
these the address may be left out.

ADDRESS and the other flags are those of fairlead call. Exit codes: 0 done, 1 the
server or the contract could not be had, or has no such symbol; 2 wrong usage.`

const describeExample = `  fairlead describe localhost:8080
  fairlead describe localhost:8080 Greeter/SayHello
  fairlead describe localhost:8080 greeter.v1.HelloRequest --format json
  fairlead describe localhost:8080 SayHello --template > request.json
  fairlead describe --proto greeter.proto greeter.v1.Greeter`

// NewDescribe returns the command "fairlead describe".
func NewDescribe() *cobra.Command {
	f := new(contractFlags)
	var asTemplate bool
	cmd := &cobra.Command{
		Use:     "describe [flags] [ADDRESS] [SYMBOL]",
		Short:   "Describe services, methods and messages of a gRPC server",
		Long:    describeLong,
		Example: describeExample,
		Args:    cli.Args(0, "ADDRESS", "SYMBOL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, args, func(ctx context.Context, contract *dynamic.Source, symbol string) error {
				d := describer{cmd: cmd, contract: contract, json: f.format.String() == "json"}
				switch {
				case asTemplate && symbol == "":
					return cli.Exit(cli.ExitUsage, errors.New("--template needs a message or a method"))
				case asTemplate:
					return d.template(ctx, symbol)
				case symbol == "":
					return d.everything(ctx)
				default:
					return d.symbol(ctx, symbol)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&asTemplate, "template", false, "print a request to fill in, as JSON")
	f.format = cli.FormatFlag(cmd, "text", "json")
	f.dial = dial.AddFlags(cmd, dial.Connection, dial.Calls, dial.Headers, dial.Limits, dial.Contract)
	cmd.ValidArgsFunction = f.dial.Complete(completeSymbols)
	return cmd
}

// describer prints what is known of symbols.
type describer struct {
	cmd      *cobra.Command
	contract *dynamic.Source
	json     bool
	printed  bool
}

// everything describes all services but those that servers have beside their own, unless there are no others.
func (d *describer) everything(ctx context.Context) error {
	names, err := d.contract.Services(ctx)
	if err != nil {
		return err
	}
	var own, all []protoreflect.Descriptor
	for _, name := range names {
		s, err := d.contract.Service(ctx, name)
		if err != nil {
			return err
		}
		all = append(all, s)
		if !strings.HasPrefix(name, "grpc.") {
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		own = all
	}
	return d.print(ctx, own...)
}

// symbol describes one symbol. A method comes with its messages.
func (d *describer) symbol(ctx context.Context, name string) error {
	found, err := d.find(ctx, name)
	if err != nil {
		return err
	}
	list := []protoreflect.Descriptor{found}
	if m, ok := found.(protoreflect.MethodDescriptor); ok && !d.json {
		list = append(list, m.Input())
		if m.Output() != m.Input() {
			list = append(list, m.Output())
		}
	}
	return d.print(ctx, list...)
}

// find returns the symbol of a full name, or the service or method that a shorter one stands for.
func (d *describer) find(ctx context.Context, name string) (protoreflect.Descriptor, error) {
	unknown := error(nil)
	if !strings.Contains(strings.TrimPrefix(name, "/"), "/") || strings.HasSuffix(name, ".proto") {
		found, err := d.contract.Find(ctx, name)
		if err == nil {
			return found, nil
		}
		if !isNameError(err) {
			return nil, err
		}
		unknown = err
	}
	if s, err := d.contract.Service(ctx, name); err == nil {
		return s, nil
	} else if !isNameError(err) || isAmbiguous(err) {
		return nil, err
	}
	m, err := d.contract.Method(ctx, name)
	switch {
	case err == nil:
		return dynamic.DescriptorOf(m), nil
	case unknown == nil || !isNameError(err) || isAmbiguous(err):
		return nil, err
	}
	if found := d.message(name); found != nil {
		return found, nil
	}
	return nil, unknown
}

// isNameError reports whether err is about a name that does not exist, or is not clear.
func isNameError(err error) bool { return errors.As(err, new(*dynamic.NameError)) }

func isAmbiguous(err error) bool {
	e, ok := errors.AsType[*dynamic.NameError](err)
	return ok && e.Ambiguous
}

// message returns the only message or enum, among those that are known, whose name ends so.
func (d *describer) message(name string) (found protoreflect.Descriptor) {
	several := false
	consider := func(c protoreflect.Descriptor) {
		if strings.HasSuffix("."+string(c.FullName()), "."+name) {
			several = several || found != nil
			found = c
		}
	}
	for _, f := range d.contract.Files() {
		eachType(f, consider)
	}
	if several {
		return nil
	}
	return found
}

// types is implemented by files and messages, which declare types.
type types interface {
	Messages() protoreflect.MessageDescriptors
	Enums() protoreflect.EnumDescriptors
}

func eachType(within types, f func(protoreflect.Descriptor)) {
	for i := range within.Enums().Len() {
		f(within.Enums().Get(i))
	}
	for i := range within.Messages().Len() {
		m := within.Messages().Get(i)
		f(m)
		eachType(m, f)
	}
}

// entry is the form of the output in JSON.
type entry struct {
	Name       string          `json:"name"`
	Kind       string          `json:"kind"`
	File       string          `json:"file"`
	Comment    string          `json:"comment,omitempty"`
	Descriptor json.RawMessage `json:"descriptor"`
}

func (d *describer) print(ctx context.Context, list ...protoreflect.Descriptor) error {
	if d.json {
		entries := make([]entry, len(list))
		for i, found := range list {
			var err error
			if entries[i], err = d.entry(ctx, found); err != nil {
				return err
			}
		}
		return cli.PrintJSON(d.cmd.OutOrStdout(), entries)
	}
	for _, found := range list {
		s := sourceWriter{resolver: d.contract.Resolver(ctx)}
		if _, isFile := found.(protoreflect.FileDescriptor); !isFile {
			s.linef(0, "// %s, %s in %s\n", found.FullName(), kindOf(found), found.ParentFile().Path())
		}
		s.descriptor(found)
		if d.printed {
			fmt.Fprintln(d.cmd.OutOrStdout())
		}
		d.printed = true
		if _, err := d.cmd.OutOrStdout().Write(s.b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// entry returns a descriptor as the message that describes it in descriptor.proto.
func (d *describer) entry(ctx context.Context, found protoreflect.Descriptor) (entry, error) {
	var m proto.Message
	switch found := found.(type) {
	case protoreflect.FileDescriptor:
		m = protodesc.ToFileDescriptorProto(found)
	case protoreflect.ServiceDescriptor:
		m = protodesc.ToServiceDescriptorProto(found)
	case protoreflect.MethodDescriptor:
		m = protodesc.ToMethodDescriptorProto(found)
	case protoreflect.MessageDescriptor:
		m = protodesc.ToDescriptorProto(found)
	case protoreflect.EnumDescriptor:
		m = protodesc.ToEnumDescriptorProto(found)
	case protoreflect.EnumValueDescriptor:
		m = protodesc.ToEnumValueDescriptorProto(found)
	case protoreflect.OneofDescriptor:
		m = protodesc.ToOneofDescriptorProto(found)
	case protoreflect.FieldDescriptor:
		m = protodesc.ToFieldDescriptorProto(found)
	}
	m = proto.Clone(m) // its options are shared
	d.contract.Resolver(ctx).DecodeExtensions(m)
	b, err := protojson.MarshalOptions{AllowPartial: true, Resolver: d.contract.Resolver(ctx).Opaque()}.Marshal(m)
	e := entry{
		Name: string(found.FullName()), Kind: strings.TrimPrefix(strings.TrimPrefix(kindOf(found), "a "), "an "),
		File: found.ParentFile().Path(), Descriptor: b,
		Comment: strings.TrimSpace(found.ParentFile().SourceLocations().ByDescriptor(found).LeadingComments),
	}
	return e, err
}

// template prints a request to fill in.
func (d *describer) template(ctx context.Context, symbol string) error {
	found, err := d.find(ctx, symbol)
	if err != nil {
		return err
	}
	if m, ok := found.(protoreflect.MethodDescriptor); ok {
		found = m.Input()
	}
	md, ok := found.(protoreflect.MessageDescriptor)
	if !ok {
		hint := ""
		if s, ok := found.(protoreflect.ServiceDescriptor); ok && s.Methods().Len() > 0 {
			var list []string
			for i := range s.Methods().Len() {
				list = append(list, string(s.FullName())+"/"+string(s.Methods().Get(i).Name()))
			}
			hint = "; did you mean " + near.List(list) + "?"
		}
		return fmt.Errorf("%s is %s; --template needs a message or a method%s", found.FullName(), kindOf(found), hint)
	}
	p := printer{contract: d.contract, defaults: true}
	b, err := p.format(ctx, newTemplate(md))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.cmd.OutOrStdout(), "%s\n", b)
	return err
}

// kindOf returns what a descriptor is.
func kindOf(d protoreflect.Descriptor) string {
	switch d := d.(type) {
	case protoreflect.FileDescriptor:
		return "a file"
	case protoreflect.ServiceDescriptor:
		return "a service"
	case protoreflect.MethodDescriptor:
		return "a method"
	case protoreflect.MessageDescriptor:
		return "a message"
	case protoreflect.EnumDescriptor:
		return "an enum"
	case protoreflect.EnumValueDescriptor:
		return "an enum value"
	case protoreflect.OneofDescriptor:
		return "a oneof"
	case protoreflect.FieldDescriptor:
		if d.IsExtension() {
			return "an extension"
		}
		return "a field"
	default:
		return "unknown"
	}
}

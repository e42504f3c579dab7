package call

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

const callLong = `Call calls a method of any gRPC server, with messages as JSON, and prints what it
answers. --protocol chooses another protocol than gRPC, and --http1 HTTP/1.1.

ADDRESS is host:port, unix:/path, a URL (grpc:// and http:// without TLS, grpcs://
and https:// with it), or what Fairlead's clients take: dns:///host:port,
static:///host:port,host:port. Without a flag or a URL that says otherwise,
loopback addresses and Unix sockets are connected to without TLS, all others
with it.

METHOD is greeter.v1.Greeter/SayHello, also with a dot in place of the slash. The
service's name may be left out in part (Greeter/SayHello) or as a whole (SayHello)
where only one method fits.

The contract comes from the server's reflection (v1 or v1alpha), or with --proto
from .proto files, or with --descriptor-set from a compiled set. For messages in a
google.protobuf.Any and for extensions the same is asked.

Requests come from --data, which may be repeated: JSON, @file, or @- for the
standard input. A method that takes a stream takes any number of JSON values, one
after another or one a line; without --data it reads the standard input, and on a
terminal each message is sent when it was entered, while answers are printed as
they come (Ctrl-D ends the stream). A method that takes one message gets an empty
one if there is no --data. With --format text requests are in protobuf's text format
as well, and those of a stream are parted by the character 0x1e.

The standard output has the responses and nothing else. Errors go to the standard
error: the code, the message and the details, or with --error-format json a
google.rpc.Status. --verbose adds headers, trailers and times there.

--timeout is for all of it: reading files, connecting, asking for the contract and
the call, whose server is told what is left.

Exit codes: 0 the call succeeded; 64 + the gRPC code if it failed, such as 69 for
NOT_FOUND (5); 1 what failed before, such as connecting or a request that is not
JSON; 2 wrong usage.`

const callExample = `  fairlead call localhost:8080 greeter.v1.Greeter/SayHello -d '{"name": "Ann"}'
  fairlead call localhost:8080 SayHello -d @request.json -H 'authorization: Bearer abc' --timeout 2s
  fairlead call greeter.example:443 Greeter/SayHello --ca ca.pem --cert me.pem --key me.key -v
  fairlead call localhost:8080 Chat                                  # enter a message a line
  cat names.json | fairlead call localhost:8080 Collect
  fairlead call localhost:50051 SayHello --proto greeter.proto -I api -d '{}'   # without reflection`

// callFlags are the flags of fairlead call.
type callFlags struct {
	dial        *dial.Flags
	data        []string
	format      *cli.Format
	errorFormat string
	compact     bool
	defaults    bool
	unknown     bool
	verbose     bool
}

// New returns the command "fairlead call".
func New() *cobra.Command {
	f := new(callFlags)
	cmd := &cobra.Command{
		Use:     "call [flags] ADDRESS METHOD",
		Short:   "Call a method of any gRPC server",
		Long:    callLong,
		Example: callExample,
		Args:    cli.Args(2, "ADDRESS", "METHOD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.data, "data", "d", nil, "`JSON` of the request, @file, or @- for stdin; may be repeated")
	flags.StringVar(&f.errorFormat, "error-format", "text", "how to print an error of the call: text, json")
	flags.BoolVar(&f.compact, "compact", false, "print each response on one line")
	flags.BoolVar(&f.defaults, "emit-defaults", false, "print fields that have their default value, too")
	flags.BoolVar(&f.unknown, "unknown-fields", false, "pass over fields of requests that the contract does not have")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "tell about connection, headers, trailers and times")
	f.format = cli.FormatFlag(cmd, "json", "text")
	f.dial = dial.AddFlags(cmd)
	cmd.ValidArgsFunction = f.dial.CompleteMethods()
	return cmd
}

func (f *callFlags) run(cmd *cobra.Command, address, method string) error {
	if f.errorFormat != "text" && f.errorFormat != "json" {
		return fmt.Errorf("--error-format %s: must be text or json", f.errorFormat)
	}
	started := time.Now()
	ctx, cancel := f.dial.WithTimeout(cmd.Context())
	defer cancel()
	headers, err := f.dial.Metadata(ctx)
	if err != nil {
		return err
	}
	srv, err := f.dial.Open(ctx, address, dial.Options{Watch: true, Metadata: &headers})
	if err != nil {
		return err
	}
	defer srv.Close()
	r := &run{server: srv, started: started, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	if f.verbose {
		r.verbose = &commentary{w: r.err, paint: cli.PainterFor(r.err), begun: started}
	}
	contract, m, err := f.find(ctx, srv, method, r.verbose)
	if err != nil {
		return err
	}
	r.method = m
	r.printer = &printer{
		contract: contract, text: f.format.String() == "text", compact: f.compact, defaults: f.defaults,
	}
	r.failure = &failure{
		w: r.err, paint: cli.PainterFor(r.err), printer: r.printer, json: f.errorFormat == "json",
	}
	if err := f.input(ctx, cmd, r); err != nil {
		return cli.Failed(err)
	}
	defer r.requests.close()
	return r.call(ctx, &headers)
}

// find connects and finds the method. What files say is looked at first, since it needs no server.
func (f *callFlags) find(
	ctx context.Context, srv *dial.Server, name string, verbose *commentary,
) (*dynamic.Source, *fairlead.Method, error) {
	contract, err := srv.Contract(ctx)
	if err != nil {
		return nil, nil, err
	}
	var m *fairlead.Method
	if f.dial.HasFiles() && !f.dial.Reflect {
		if m, err = contract.Method(ctx, name); err != nil {
			return nil, nil, dial.ContractError(ctx, contract, err)
		}
	}
	if err := srv.Connect(ctx); err != nil {
		return nil, nil, err
	}
	verbose.connected(srv)
	if m == nil {
		if m, err = srv.Method(ctx, contract, name); err != nil {
			return nil, nil, err
		}
	}
	return contract, m, nil
}

// input opens what the requests come from.
func (f *callFlags) input(ctx context.Context, cmd *cobra.Command, r *run) error {
	data := f.data
	terminal := cli.IsTerminal(cmd.InOrStdin())
	if len(data) == 0 && r.method.Kind.ClientStreams() {
		data = []string{"@-"}
		r.interactive = terminal
	}
	o := inputOptions{stdin: cmd.InOrStdin(), text: r.printer.text, lines: r.interactive, limit: f.dial.RequestLimit()}
	sources, err := o.open(ctx, data)
	r.requests = &requests{
		sources: sources, limit: o.limit, method: r.method, resolver: r.printer.contract.Resolver(ctx),
		text: r.printer.text, unknown: f.unknown,
	}
	if err != nil {
		r.requests.close()
		return err
	}
	if r.interactive {
		form := "as JSON; each is sent when it is complete"
		if r.printer.text {
			form = "in the text format; each is sent when Ctrl-^ and a line's end follow it"
		}
		fmt.Fprintf(r.err, "Enter messages of type %s %s. Ctrl-D ends the stream.\n",
			dynamic.DescriptorOf(r.method).Input().FullName(), form)
	}
	return nil
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/figure"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/payload"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/compare"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

const benchLong = `Bench calls a method of a gRPC server, over and over, and measures how long the
calls take. The contract comes from the server's reflection, .proto files or a
descriptor set; requests are JSON, and may be templates.

Closed loop (the default): --concurrency workers make a call each, and the next
one when it has ended. It shows how much a server can do. It does not show what
independent users would see: while the server stalls the workers wait with it,
and the calls that they do not make meanwhile are in no percentile.

Open loop (--rate): calls are due at a rate, whether or not earlier ones have
ended, and latency counts from when a call was due. A stall is in the latency of
every call that it kept waiting. Use it to see whether a server keeps a promise
such as "99 % within 50 ms at 2000 calls/s".

--ramp-rate and --ramp-concurrency change the level in straight lines, one after
the other: --ramp-rate 100:2000:30s --ramp-rate 2000:10s. What happens in the
--warmup, at the first level, is not counted.

Templates are Go's text/template within JSON, and within the values of headers:
  {{seq}} {{worker}} {{message}}     numbers of the call, worker, message in a stream
  {{randInt 1 100}} {{randFloat 0 1}} {{randString 16}} {{uuid}} {{choice "a" "b"}}
  {{timestamp}} {{unix}} {{unixMilli}} {{unixNano}}
  {{env "NAME"}} {{file "PATH"}} {{line "PATH"}} {{csv "PATH" "COLUMN"}}
Line and csv take the rows of a file in turn. Several messages for a stream stand
in an array, or one behind the other.

Latency is that of calls that succeeded, or ran into the --timeout. The text ends
with what the generator itself used: when that is nearly all it has, the figures
are its own limit, and a warning says so.

Exit codes: 0 done, 1 more calls failed than --max-error-ratio allows, or the
server was not reached, 2 wrong usage. After Ctrl-C the result so far is shown.`

const benchExample = `  fairlead bench localhost:8080 greeter.v1.Greeter/SayHello -d '{"name": "Ann"}'
  fairlead bench localhost:8080 Greeter/SayHello -d '{"name": "user-{{seq}}"}' --rate 2000 -z 30s
  fairlead bench localhost:8080 Greeter/SayHello -d @request.json --ramp-rate 100:5000:60s --html report.html
  fairlead bench localhost:8080 Greeter/SayHello -n 100000 -c 100 --connections 4 --out after.json
  fairlead bench compare before.json after.json`

// command is a run of fairlead bench.
type command struct {
	options

	dial   *dial.Flags
	format *cli.Format
	cmd    *cobra.Command
}

// New returns the command "fairlead bench".
func New() *cobra.Command {
	b := new(command)
	cmd := &cobra.Command{
		Use:     "bench [flags] ADDRESS METHOD",
		Short:   "Measure how a method of a gRPC server takes load",
		Long:    benchLong,
		Example: benchExample,
		Args:    cli.Args(2, "ADDRESS", "METHOD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return b.run(cmd.Context(), args[0], args[1])
		},
	}
	b.cmd = cmd
	b.given = cmd.Flags().Changed
	flags := cmd.Flags()
	b.addLoad(flags)
	b.addOutput(flags)
	b.format = cli.FormatFlag(cmd, "text", "json")
	b.dial = dial.AddFlags(cmd)
	flags.Lookup("timeout").Usage = "time limit of a call, which the server is told, and of connecting and " +
		"asking for the contract, which have 1s at least; also --deadline (default: none)"
	cmd.ValidArgsFunction = b.dial.CompleteMethods()
	cmd.AddCommand(compare.New())
	return cmd
}

func (o *options) addLoad(flags *pflag.FlagSet) {
	flags.StringVarP(&o.data, "data", "d", "",
		"`JSON` of the request, which may be a template, @file, or @- for stdin (default: an empty message)")
	flags.IntVarP(&o.concurrency, "concurrency", "c", defaultConcurrency,
		"`workers`; with a rate the most calls under way at a time (then the default is 1000)")
	flags.Float64VarP(&o.rate, "rate", "r", 0, "`calls` a second: an open loop")
	flags.DurationVarP(&o.duration, "duration", "z", defaultDuration,
		"time to measure; after ramps, time at the last level (default then: none)")
	flags.Int64VarP(&o.count, "count", "n", 0, "end after so many `calls` instead")
	flags.DurationVar(&o.warmup, "warmup", defaultWarmup, "time before the measurement (default with --count: none)")
	flags.Var(&o.rampRate, "ramp-rate", "change the rate: `FROM:TO:TIME`; may be repeated")
	flags.Var(&o.rampConcurrency, "ramp-concurrency", "change the number of workers: `FROM:TO:TIME`; may be repeated")
	flags.BoolVar(&o.poisson, "poisson", false, "space the calls of a rate at random, as those of independent users are")
	flags.IntVar(&o.connections, "connections", 1, "connections, among which the workers are divided")
	flags.IntVar(&o.messages, "messages", 0,
		"`messages` to send in a stream (default: those of --data), or to receive from one (default: all)")
	flags.BoolVar(&o.pingPong, "ping-pong", false, "in a bidirectional stream, wait for a message after each one sent")
	flags.BoolVar(&o.checkResponse, "check-response", false, "decode responses; those that cannot be are errors")
	flags.DurationVar(&o.grace, "grace", defaultGrace, "how long calls and streams under way at the end are waited for")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of random values (default: another each time)")
}

func (o *options) addOutput(flags *pflag.FlagSet) {
	flags.StringVar(&o.name, "name", "", "what to call the run in reports and comparisons")
	flags.StringVarP(&o.out, "out", "o", "", "write the result as JSON to this `file`, for bench compare")
	flags.StringVar(&o.html, "html", "", "write the result as a page to this `file`")
	flags.Float64Var(&o.maxErrors, "max-error-ratio", 0,
		"`share` of calls, 0 to 1, that may fail before the exit code is 1")
	flags.DurationVar(&o.interval, "interval", 0,
		"time between two points of the series (default: about a fiftieth of the run)")
}

// run is the command.
func (b *command) run(ctx context.Context, address, method string) error {
	if err := b.check(); err != nil {
		return err
	}
	if !b.given("seed") {
		b.seed = rand.Uint64() //nolint:gosec // any will do
	}
	b.dial.LimitSetUp(b.given)
	data, err := b.readData(ctx)
	if err != nil {
		return err
	}
	md, err := b.dial.Metadata(ctx)
	if err != nil {
		return err
	}
	fixed, changing, err := splitHeaders(ctx, b.dial, &md)
	if err != nil {
		return err
	}
	servers, err := b.connect(ctx, address, fixed)
	for _, s := range servers {
		defer s.Close()
	}
	if err != nil {
		return err
	}
	t, err := b.target(ctx, servers, method, data)
	if err != nil {
		return err
	}
	t.headers = changing
	p := b.plan()
	p.Abort = func() {
		for _, s := range servers {
			s.Close()
		}
	}
	progress := cli.NewProgress(b.cmd.ErrOrStderr())
	if progress.Enabled() {
		p.Progress = func(now load.Progress) { progress.Set(progressText(&now)) }
	}
	outcome, err := load.Run(ctx, p, t.caller)
	progress.Clear()
	if err != nil {
		return cli.Failed(err)
	}
	r := makeResult(outcome, p, t, b.concurrency)
	r.Name, r.Command = b.name, b.commandLine(address, method)
	r.Target = result.Target{
		Address: servers[0].Address.Text, Method: methodName(t.method), Kind: t.method.Kind.String(), TLS: servers[0].TLS,
	}
	if err := b.show(r); err != nil {
		return cli.Failed(err)
	}
	return b.verdict(r)
}

// readData reads --data.
func (b *command) readData(ctx context.Context) (source, error) {
	path, ok := strings.CutPrefix(b.data, "@")
	switch {
	case ok && (path == "" || path == "-"):
		text, err := cli.ReadAll(ctx, b.cmd.InOrStdin(), "stdin", b.dial.RequestLimit())
		return source{name: "stdin", text: string(text)}, cli.Failed(err)
	case ok:
		text, err := b.dial.ReadFile(ctx, path, b.dial.RequestLimit())
		return source{name: path, text: string(text)}, cli.Failed(err)
	}
	return source{name: "--data", text: b.data}, nil
}

// source is a template with the name that errors give it.
type source struct{ name, text string }

// connect makes a client with one connection for each of --connections, and connects them. The servers that were opened
// are returned even with an error.
func (b *command) connect(ctx context.Context, address string, md fairlead.Metadata) ([]*dial.Server, error) {
	servers := make([]*dial.Server, 0, b.connections)
	for range b.connections {
		s, err := b.dial.Open(ctx, address, dial.Options{
			// One connection and no more, even if the server limits the calls on it: waiting for room is the server's doing.
			Client:   []client.Option{client.Codec(countCodec{}), client.MaxConnections(1), client.IdleTimeout(0)},
			Metadata: &md,
		})
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	for _, s := range servers {
		if err := s.Connect(ctx); err != nil {
			return servers, err
		}
	}
	return servers, nil
}

// target finds the method and prepares the data for it.
func (b *command) target(ctx context.Context, servers []*dial.Server, method string, data source) (*target, error) {
	contract, err := servers[0].Contract(ctx)
	if err != nil {
		return nil, err
	}
	m, err := servers[0].Method(ctx, contract, method)
	if err != nil {
		return nil, err
	}
	desc := dynamic.DescriptorOf(m)
	if desc == nil {
		return nil, cli.Failed(fmt.Errorf("%s has no descriptor", m.Path))
	}
	if err := b.fits(m); err != nil {
		return nil, err
	}
	resolver := contract.Resolver(ctx)
	template, err := parse(ctx, b.dial, func() (*payload.Template, error) {
		return payload.Parse(data.name, data.text, desc.Input(), resolver)
	})
	if place, ok := errors.AsType[*payload.PlaceError](err); ok {
		err = fmt.Errorf("%w\n  %s", err, strings.ReplaceAll(place.Source(), "\n", "\n  "))
	}
	if err != nil {
		return nil, cli.Failed(err)
	}
	if n := template.Len(); n == 0 || (n > 1 && !m.Kind.ClientStreams()) {
		return nil, cli.Failed(fmt.Errorf("%s: there are %d messages, and %s (%s) takes one", data.name, n, methodName(m),
			m.Kind))
	}
	var c *check
	if b.checkResponse {
		c = &check{desc: desc.Output(), resolver: resolver}
	}
	binders := make([]fairlead.Binder, 0, len(servers))
	for _, s := range servers {
		binders = append(binders, s.Client)
	}
	t := newTarget(m, template, c, binders...)
	t.timeout, t.messages, t.pingPong, t.seed = b.dial.Timeout, b.messages, b.pingPong, b.seed
	return t, nil
}

// parse calls f, which reads files that templates name, and stops waiting for them after --connect-timeout.
func parse[T any](ctx context.Context, flags *dial.Flags, f func() (T, error)) (T, error) {
	ctx, cancel := flags.SettingUp(ctx)
	defer cancel()
	v, err := cli.Wait(ctx, f)
	if err != nil && ctx.Err() != nil {
		err = cli.Failed(cli.Ended(ctx, "reading the files of templates"))
	}
	return v, err
}

// fits returns an error that says what flags make no sense with the kind of method.
func (o *options) fits(m *fairlead.Method) error {
	switch {
	case o.given("messages") && m.Kind == fairlead.Unary:
		return fmt.Errorf("--messages is for streams, and %s is unary", methodName(m))
	case o.pingPong && m.Kind != fairlead.BidiStreaming:
		return fmt.Errorf("--ping-pong is for bidirectional streams, and %s is %s", methodName(m), m.Kind)
	}
	return nil
}

// commandLine returns the command line that the user could have written. Values of headers may be secrets and are left
// out.
func (b *command) commandLine(address, method string) []string {
	line := append(strings.Fields(b.cmd.CommandPath()), address, method)
	b.cmd.Flags().Visit(func(f *pflag.Flag) {
		name := "--" + f.Name
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if f.Name == "header" {
				key, _, _ := strings.Cut(v, ":")
				v = key + ": …"
			}
			if f.Value.Type() == "bool" {
				line = append(line, name+"="+v)
				continue
			}
			line = append(line, name, v)
		}
	})
	return line
}

// show prints the result and writes the files.
func (b *command) show(r *result.Result) error {
	var errs []error
	if b.out != "" {
		errs = append(errs, writeJSON(b.out, r))
	}
	if b.html != "" {
		errs = append(errs, writePage(b.html, r))
	}
	stdout := b.cmd.OutOrStdout()
	if b.format.String() == "json" {
		errs = append(errs, cli.PrintJSON(stdout, r))
	} else {
		printText(stdout, cli.PainterFor(stdout), r)
	}
	for _, path := range []string{b.out, b.html} {
		if path != "" && errors.Join(errs...) == nil {
			fmt.Fprintf(b.cmd.ErrOrStderr(), "wrote %s\n", path)
		}
	}
	return errors.Join(errs...)
}

func writeJSON(path string, r *result.Result) error {
	var b strings.Builder
	if err := cli.PrintJSON(&b, r); err != nil {
		return err
	}
	return cli.WriteFile(path, []byte(b.String()), 0o644)
}

// verdict decides about the exit code.
func (b *command) verdict(r *result.Result) error {
	switch {
	case r.Calls.Total == 0:
		return cli.Failed(errors.New("no call ended"))
	case r.Calls.ErrorRatio > b.maxErrors:
		return cli.Failed(fmt.Errorf("%s of %s calls failed: %.3g %%, and --max-error-ratio allows %.3g %%",
			figure.Count(r.Calls.Failed),
			figure.Count(r.Calls.Total), 100*r.Calls.ErrorRatio, 100*b.maxErrors))
	}
	return nil
}

// progressText is the line of progress.
func progressText(p *load.Progress) string {
	var b strings.Builder
	if p.Warming {
		b.WriteString("warm-up ")
	}
	b.WriteString(p.Passed.Round(100 * time.Millisecond).String())
	switch {
	case p.Of > 0:
		fmt.Fprintf(&b, " of %s", p.Of)
	case p.Count > 0:
		fmt.Fprintf(&b, "  %s of %s calls", figure.Count(p.Ended), figure.Count(p.Count))
	}
	fmt.Fprintf(&b, "  %s calls/s", figure.PerSecond(p.PerSec))
	if p.Messages > 0 {
		fmt.Fprintf(&b, "  %s messages/s", figure.PerSecond(p.Messages))
	}
	if p.P50 > 0 {
		fmt.Fprintf(&b, "  p50 %s  p99 %s", figure.Duration(int64(p.P50)), figure.Duration(int64(p.P99)))
	}
	if p.Failed > 0 {
		fmt.Fprintf(&b, "  %s failed", figure.Count(p.Failed))
	}
	fmt.Fprintf(&b, "  CPU %.1f cores", p.Cores)
	return b.String()
}

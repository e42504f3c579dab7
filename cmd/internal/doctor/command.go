package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/internal/near"
)

const doctorLong = `Doctor looks for what goes wrong around a service: faults of the versions that it
is built with, limits of its container, ports, names, certificates, a server's
view of keepalive, and growth of a process that is running. Each result has a
reason and, where something is wrong, what to do about it.

Without flags it looks at the Go module in the working directory and at this
machine. A check that would need a flag says so. The checks:

`

const doctorExit = `
Exit codes: 0 nothing is wrong, 1 there is no such module or program, 2 wrong usage,
3 a check failed or did not end within --timeout, or with --strict there is a
warning.`

const doctorExample = `  fairlead doctor                                   # the module here, and this machine
  fairlead doctor --binary bin/shop                 # a program that was built
  fairlead doctor --address shop.example.com:443 --tls
  fairlead doctor --address 127.0.0.1:8080 --keepalive 10s
  fairlead doctor --admin 127.0.0.1:8081 --interval 5s
  fairlead doctor --only tls-files --cert server.crt --key server.key --server-name shop.example.com`

// options are the flags of fairlead doctor.
type options struct {
	address string
	admin   string
	listen  []string
	module  string
	binary  string
	only    []string

	timeout   time.Duration // of all checks; 0: see limit
	expiry    time.Duration
	keepalive time.Duration
	pings     int
	idle      bool
	interval  time.Duration
	readings  int

	strict bool
	dial   *dial.Flags
	format *cli.Format
}

// New returns the command "fairlead doctor".
func New() *cobra.Command {
	o := new(options)
	var list strings.Builder
	for _, c := range checks() {
		fmt.Fprintf(&list, "  %-10s %s\n", c.name, c.about)
	}
	cmd := &cobra.Command{
		Use:     "doctor [flags]",
		Short:   "Look for what goes wrong around a service",
		Long:    doctorLong + list.String() + doctorExit,
		Example: doctorExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			x, err := newExamination(o, cli.NewProgress(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			results, err := x.run(cmd.Context())
			if err != nil {
				return cli.Failed(err)
			}
			r := newReport(results)
			if err := cmd.Context().Err(); err != nil {
				return cli.Failed(errors.New("interrupted"))
			}
			if o.format.String() == "json" {
				err = cli.PrintJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd.OutOrStdout())
			}
			if err != nil {
				return cli.Failed(err)
			}
			if r.Counts[Fail] > 0 || o.strict && r.Counts[Warn] > 0 {
				return &cli.Error{Code: cli.ExitFound}
			}
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *options) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.address, "address", "", "`address` of a service: for dns, tls and keepalive")
	flags.StringVar(&o.admin, "admin", "",
		"`address` where a process has fairlead.admin.v1.Runtime: for growth and container")
	flags.StringArrayVar(&o.listen, "listen", nil, "`address` that a service is to listen at: for ports; may be repeated")
	flags.StringVar(&o.module, "module", ".", "`directory` in a Go module: for versions")
	flags.StringVar(&o.binary, "binary", "", "`file` with a Go program, in place of a module: for versions")
	flags.StringSliceVar(&o.only, "only", nil, "`names` of the checks to run (default: all)")
	flags.DurationVar(&o.timeout, "timeout", 0,
		"`time` limit of all checks (default: 2m, and what --keepalive and the readings of --admin take)")
	flags.DurationVar(&o.expiry, "expiry", 30*24*time.Hour, "warn of certificates that expire within this time")
	flags.DurationVar(&o.keepalive, "keepalive", 0,
		"send PINGs at this interval, as a client with a call under way would (default: one PING)")
	flags.IntVar(&o.pings, "pings", 5, "how many PINGs to send with --keepalive")
	flags.BoolVar(&o.idle, "idle", false, "with --keepalive, have no call under way")
	flags.DurationVar(&o.interval, "interval", 2*time.Second, "time between the readings of --admin")
	flags.IntVar(&o.readings, "readings", 6, "how often to read with --admin")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 for warnings, too")
	o.format = cli.FormatFlag(cmd, "text", "json")
	o.dial = dial.AddFlags(cmd, dial.Connection)
	complete := cobra.FixedCompletions(names(), cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("only", complete); err != nil {
		panic(err) // the flag was added above
	}
	if err := cmd.MarkFlagDirname("module"); err != nil {
		panic(err) // as above
	}
}

// check returns what is wrong with the flags on their own.
func (o *options) check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			errs = append(errs, fmt.Errorf("--only %s: there is no such check; there are %s%s", name,
				strings.Join(names(), ", "), prefixed("; ", near.Question(name, names()))))
		}
	}
	bad(o.timeout < 0, "--timeout is %s, want more than 0", o.timeout)
	bad(o.expiry < 0, "--expiry is %s, want 0 or more", o.expiry)
	bad(o.keepalive < 0, "--keepalive is %s, want 0 or more", o.keepalive)
	bad(o.keepalive > 0 && o.address == "", "--keepalive needs --address")
	bad(o.idle && o.keepalive == 0, "--idle needs --keepalive")
	bad(o.pings < 1, "--pings is %d, want 1 or more", o.pings)
	bad(o.interval <= 0, "--interval is %s, want more than 0", o.interval)
	bad(o.readings < leastReadings, "--readings is %d, want %d or more: two say nothing about growth", o.readings,
		leastReadings)
	return errors.Join(append(errs, o.dial.Check())...)
}

// leastTime is the default time limit of the checks that do not wait on purpose. Each step of a check has a limit of
// its own, most of them --connect-timeout.
const leastTime = 2 * time.Minute

// limit returns the time limit of all checks together.
func (o *options) limit() time.Duration {
	if o.timeout > 0 {
		return o.timeout
	}
	limit := leastTime + time.Duration(o.pings)*o.keepalive
	if o.admin != "" {
		limit += time.Duration(o.readings) * o.interval
	}
	return limit
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

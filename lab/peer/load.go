package peer

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Modes of load.
const (
	Unary        = "unary"
	ServerStream = "serverstream"
	ClientStream = "clientstream"
	Bidi         = "bidi"
	OpenLoop     = "openloop"
	Idle         = "idle"
)

// streamLength is the number of messages of a server or client stream before another one is opened.
const streamLength = 10_000

// load is a load program's flags, and the connections.
type load struct {
	mode        string
	admin       string
	conns       int
	callers     int
	slow        string
	slowCallers int
	slowPause   time.Duration
	rate        float64
	warmup      time.Duration
	duration    time.Duration
	allowErrors bool
	secure      bool

	dial     Dial
	cfg      DialConfig
	channels []Channel
}

// LoadMain is the main function of a load program: it reads the flags, makes the load and prints the Result. It returns
// the process's exit code, which is not 0 when a call failed.
func LoadMain(dial Dial) int {
	err := runLoad(dial, os.Args[1:], os.Stdin, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runLoad(dial Dial, args []string, stdin io.Reader, stdout io.Writer) error {
	l := &load{dial: dial}
	if err := l.parse(args); err != nil {
		return err
	}
	raiseFileLimit()
	ctx, stop := untilEnd(stdin)
	defer stop()
	if l.secure {
		cert, err := fetch(ctx, l.admin, "/cert")
		if err != nil {
			return err
		}
		if l.cfg.TLS, err = trust(cert); err != nil {
			return err
		}
	}
	defer l.close()
	run := l.closedLoop
	switch l.mode {
	case OpenLoop:
		run = l.openLoop
	case Idle:
		run = l.idle
	}
	result, err := run(ctx)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(result); err != nil {
		return err
	}
	if result.Errors > 0 && !l.allowErrors {
		return fmt.Errorf("peer: %d calls failed, the first with: %s", result.Errors, result.FirstError)
	}
	return nil
}

func (l *load) parse(args []string) error {
	modes := []string{Unary, ServerStream, ClientStream, Bidi, OpenLoop, Idle}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&l.cfg.Addr, "addr", "", "the server's address")
	flags.StringVar(&l.admin, "admin", "", "the server's admin address")
	flags.StringVar(&l.mode, "mode", Unary, strings.Join(modes, ", "))
	flags.IntVar(&l.conns, "conns", 1, "clients, with one connection each")
	flags.IntVar(&l.callers, "callers", 100, "callers; in mode openloop calls under way at most")
	flags.IntVar(&l.cfg.Size, "size", 1024, "bytes of a message's text")
	flags.DurationVar(&l.duration, "duration", 4*time.Second, "time measured")
	flags.DurationVar(&l.warmup, "warmup", time.Second, "time before that")
	flags.DurationVar(&l.cfg.Deadline, "deadline", time.Second, "of each unary call; 0: none")
	flags.BoolVar(&l.cfg.Metadata, "metadata", true, "send one pair of metadata in each call")
	flags.Float64Var(&l.rate, "rate", 0, "calls a second in mode openloop")
	flags.StringVar(&l.slow, "slow", "", "action of the slow callers, such as sleep20ms or spin200us")
	flags.IntVar(&l.slowCallers, "slow-callers", 0, "so many of the callers are slow; only the others are counted")
	flags.DurationVar(&l.slowPause, "slow-pause", 0, "of a slow caller after each call")
	flags.BoolVar(&l.allowErrors, "allow-errors", false, "go on when calls fail")
	flags.BoolVar(&l.secure, "tls", false, "use TLS, with the certificate that the admin address gives")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case l.cfg.Addr == "" || l.admin == "":
		return errors.New("peer: -addr and -admin are needed")
	case !slices.Contains(modes, l.mode):
		return fmt.Errorf("peer: -mode: %q is none of %s", l.mode, strings.Join(modes, ", "))
	case l.conns < 1 || l.callers < 1 || l.cfg.Size < 1 || l.duration <= 0:
		return errors.New("peer: -conns, -callers, -size and -duration are above 0")
	case l.slowCallers >= l.callers:
		return errors.New("peer: -slow-callers leaves no caller to count")
	case l.mode == OpenLoop && l.rate <= 0:
		return errors.New("peer: mode openloop needs a -rate")
	}
	return nil
}

// connect makes n more connections.
func (l *load) connect(ctx context.Context, n int) error {
	for range n {
		c, err := l.dial(ctx, &l.cfg)
		if err != nil {
			return err
		}
		l.channels = append(l.channels, c)
	}
	return nil
}

func (l *load) close() {
	for _, c := range l.channels {
		_ = c.Close() // the measurement is over
	}
}

// result starts a Result with what the flags say.
func (l *load) result() *Result {
	return &Result{Mode: l.mode, Conns: l.conns, Callers: l.callers, Size: l.cfg.Size}
}

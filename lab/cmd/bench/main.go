// Program bench measures Fairlead against grpc-go on this machine and holds the figures against the project's goals. It
// exits with 1 when one that must be met is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/lab/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	opts := &bench.Options{Log: os.Stderr}
	flags.StringVar(&opts.Lab, "lab", ".", "folder of the lab's module")
	flags.IntVar(&opts.Rounds, "rounds", 5, "rounds of each scenario")
	flags.DurationVar(&opts.Duration, "duration", 3500*time.Millisecond, "time measured in each round, for each pair")
	flags.DurationVar(&opts.Warmup, "warmup", time.Second, "time before that")
	rows := flags.String("rows", "", "regular expression of the rows to measure; empty: all")
	short := flags.Bool("short", false, "one row in two rounds, about 20 seconds")
	gate := flags.Bool("gate", true, "fail when a goal that must be met is not")
	asJSON := flags.String("json", "", "file for everything that was measured")
	asMarkdown := flags.String("md", "", "file for tables in Markdown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *short {
		opts.Short()
	}
	if *rows != "" {
		expr, err := regexp.Compile(*rows)
		if err != nil {
			return fmt.Errorf("-rows: %w", err)
		}
		opts.Rows = expr
	}
	rep, err := bench.Measure(ctx, opts)
	if err != nil {
		return err
	}
	err = errors.Join(rep.WriteText(os.Stdout), save(*asJSON, rep.WriteJSON), save(*asMarkdown, rep.WriteMarkdown))
	if err != nil {
		return err
	}
	if rep.Met() {
		fmt.Println("\nPASS: every goal that must be met is")
		return nil
	}
	fmt.Println("\nBELOW: not every goal that must be met is")
	if *gate {
		return errors.New("bench: below the goals")
	}
	return nil
}

// save has write fill a file, unless there is no name for one.
func save(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

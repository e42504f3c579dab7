// Program demo shows in about a minute what Fairlead is: it has the command write a new service, builds, runs, calls
// and measures that; it generates the greeter example's code, serves it, and calls it in each protocol, with Fairlead's
// client, grpc-go's and net/http's; it runs the store example, two services and a customer; and it measures both
// frameworks side by side on this machine. Everything that it starts is ended before it does. It exits with 1 when
// something was not as it should be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/lab/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	repository := flag.String("repository", "..", "`folder` of the repository's checkout")
	report := flag.String("report", "", "`file` for the report of the new service under load "+
		"(default: demo.html in the folder bin of the repository)")
	measure := flag.Bool("measure", true, "measure against grpc-go as well")
	flag.Parse()
	start := time.Now()
	verdict, err := run(ctx, *repository, *report, *measure)
	took := time.Since(start).Round(time.Second)
	if ctx.Err() != nil && err != nil {
		err = errors.New("interrupted")
	}
	stop()
	if err != nil {
		fmt.Printf("\nFAIL: %v (%s)\n", err, took)
		os.Exit(1)
	}
	fmt.Printf("\nPASS: %s (%s)\n", verdict, took)
}

func run(ctx context.Context, repository, report string, measure bool) (verdict string, err error) {
	repository, err = filepath.Abs(repository)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "fairlead-demo-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if report == "" {
		report = filepath.Join(repository, "bin", "demo.html")
	}
	if report, err = filepath.Abs(report); err != nil {
		return "", err
	}
	d := &demo{repository: repository, dir: dir, report: report}

	for _, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"building the command, the programs of the examples, and a grpc-go client for the greeter", d.build},
		{"a new service, from nothing to its first call and a measurement", d.newService},
		{"generating the greeter's code from its contract", d.generate},
		{"the greeter at one port: gRPC, gRPC-Web, Connect, REST, server-sent events, WebSocket, a page", d.call},
		{"the store: a customer calls orders, which calls inventory; mutual TLS, declared errors, rules", d.store},
	} {
		fmt.Printf("\n== %s\n", step.title)
		if err := step.run(ctx); err != nil {
			return "", err
		}
	}
	verdict = "a new service was written, built, called and measured, the generated code is current, " +
		"the greeter gave the same answers in each protocol at one port, and the store's two services did what they should"
	if !measure {
		return verdict, nil
	}
	ratio, err := compare(ctx, filepath.Join(repository, "lab"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; %.1f times grpc-go's calls a second", verdict, ratio), nil
}

// compare measures both frameworks and returns the ratio of their calls a second.
func compare(ctx context.Context, lab string) (float64, error) {
	fmt.Printf("\n== measuring: 1 KiB echo, 1 connection, 100 callers, server and client as two processes\n")
	opts := &bench.Options{Lab: lab, Log: os.Stdout}
	opts.Short()
	rep, err := bench.Measure(ctx, opts)
	if err != nil {
		return 0, err
	}
	fmt.Println()
	if err := rep.WriteMedians(os.Stdout); err != nil {
		return 0, err
	}
	row := rep.Goals[0]
	switch {
	case row.Failed:
		return 0, errors.New("a measurement failed")
	case row.Median < 1:
		return 0, fmt.Errorf("only %.2f times grpc-go's calls a second", row.Median)
	}
	return row.Median, nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fairlead-go/fairlead/preset"
)

// demo is what the steps share.
type demo struct {
	repository string
	dir        string // temporary: programs, generated code, the new service
	report     string // where the report of the new service under load goes
}

// program is the path of a program that build has built.
func (d *demo) program(name string) string { return filepath.Join(d.dir, name) }

// build builds the programs, each in its own module.
func (d *demo) build(ctx context.Context) error {
	for _, p := range []struct{ name, module, pkg string }{
		{"fairlead", "cmd", "./fairlead"},
		{"server", "examples", "./greeter/server"},
		{"client", "examples", "./greeter/client"},
		{"client-grpc-go", "lab/peers/grpcgo", "./greeter"},
		{"store-certs", "examples", "./store/certs"},
		{"store-inventory", "examples", "./store/inventory"},
		{"store-orders", "examples", "./store/orders"},
		{"store-client", "examples", "./store/client"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", d.program(p.name), p.pkg)
		cmd.Dir = filepath.Join(d.repository, filepath.FromSlash(p.module))
		cmd.Env = append(os.Environ(), "GOWORK=off")
		fmt.Printf("%s: go build %s\n", p.module, p.pkg)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s in %s: %w\n%s", p.pkg, p.module, err, out)
		}
	}
	return nil
}

// generate generates the greeter's code into a folder of its own and compares it with what is committed.
func (d *demo) generate(ctx context.Context) error {
	out := filepath.Join(d.dir, "generated")
	cmd := exec.CommandContext(ctx, d.program("fairlead"), "gen", "--vt", "--out", out, "greeter")
	cmd.Dir = filepath.Join(d.repository, "examples")
	text, err := cmd.CombinedOutput()
	fmt.Printf("examples: fairlead %s\n", strings.Join(cmd.Args[1:], " "))
	if err != nil {
		return fmt.Errorf("fairlead gen: %w\n%s", err, text)
	}
	n := 0
	err = filepath.WalkDir(out, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(out, name)
		if err != nil {
			return err
		}
		n++
		return d.same(name, filepath.Join(cmd.Dir, rel))
	})
	if err == nil && n == 0 {
		err = errors.New("fairlead gen: it wrote nothing")
	}
	if err == nil {
		fmt.Printf("%d files, all as they are committed\n", n)
	}
	return err
}

// same compares a generated file with the committed one.
func (d *demo) same(generated, committed string) error {
	a, err := os.ReadFile(generated)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(committed)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s is not what fairlead gen makes of its contract", committed)
	}
	return nil
}

// call starts the greeter and has it called in each protocol, at one port.
func (d *demo) call(ctx context.Context) error {
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	srv := exec.CommandContext(ctx, d.program("server"), "-addr", addr)
	return serve(ctx, srv, addr, func(ctx context.Context) error {
		if err := d.clients(ctx, addr); err != nil {
			return err
		}
		return web(ctx, "http://"+addr)
	})
}

// clients has grpc-go's client call the greeter, and Fairlead's in each of its protocols.
func (d *demo) clients(ctx context.Context, addr string) error {
	want, err := d.client(ctx, "client-grpc-go", "-addr", addr)
	if err != nil {
		return err
	}
	if !strings.Contains(want, "SayHello: hello Ann") || !strings.Contains(want, "Collect: hello Ann, Bo") {
		return errors.New("the answers are not what the greeter says")
	}
	fmt.Print(indent("grpc-go's client", want))
	for _, protocol := range preset.Protocols() {
		said, err := d.client(ctx, "client", "-addr", addr, "-protocol", string(protocol))
		if err != nil {
			return err
		}
		if said != want {
			return fmt.Errorf("by %s Fairlead's client got other answers:\n%s", protocol, said)
		}
		fmt.Printf("Fairlead's client by %s: the same answers\n", protocol)
	}
	return nil
}

// store starts the two services of the store example, one of which calls the other, and has a customer call them. The
// customer fails when an answer is not as it should be.
func (d *demo) store(ctx context.Context) error {
	certs := filepath.Join(d.dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		return err
	}
	if _, err := d.client(ctx, "store-certs", certs); err != nil {
		return err
	}
	inventory, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	srv := exec.CommandContext(ctx, d.program("store-inventory"), "-addr", inventory, "-certs", certs)
	return serve(ctx, srv, inventory, func(ctx context.Context) error {
		orders, err := freeAddr(ctx)
		if err != nil {
			return err
		}
		srv := exec.CommandContext(ctx, d.program("store-orders"),
			"-addr", orders, "-inventory", inventory, "-certs", certs)
		return serve(ctx, srv, orders, func(ctx context.Context) error {
			said, err := d.client(ctx, "store-client", "-orders", orders, "-inventory", inventory, "-certs", certs)
			if err == nil {
				fmt.Print(indent("a customer", said))
			}
			return err
		})
	})
}

// client runs a client to its end and returns what it printed.
func (d *demo) client(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, d.program(name), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", name, err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String(), nil
}

func indent(title, text string) string {
	return title + "\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// newService does what somebody does who starts with nothing: has the command write a service, builds and runs that,
// calls it, and puts it under load.
func (d *demo) newService(ctx context.Context) error {
	start := time.Now()
	dir := filepath.Join(d.dir, "shop")
	if _, err := d.show(ctx, d.dir, "new", "shop", "--no-git", "--fairlead", d.repository); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", "shop", "./cmd/shop")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off")
	fmt.Println("$ go build ./cmd/shop")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the new service: %w\n%s", err, out)
	}

	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	srv := exec.CommandContext(ctx, filepath.Join(dir, "shop"))
	srv.Dir = dir
	srv.Env = append(os.Environ(), "SHOP_LISTEN="+addr, "SHOP_ADMIN_LISTEN=")
	return serve(ctx, srv, addr, func(ctx context.Context) error {
		if _, err := d.show(ctx, dir, "list", addr); err != nil {
			return err
		}
		answer, err := d.show(ctx, dir, "call", addr, "shop.v1.ShopService/CreateItem", "-d", `{"name": "lamp"}`)
		if err != nil {
			return err
		}
		fmt.Printf("from nothing to the first call: %.1f s\n", time.Since(start).Seconds())
		var created struct {
			Item struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"item"`
		}
		if err := json.Unmarshal([]byte(answer), &created); err != nil {
			return fmt.Errorf("the answer: %w", err)
		}
		if created.Item.Name != "lamp" {
			return errors.New("the answer has no lamp")
		}
		if _, err := d.show(ctx, dir, "bench", addr, "shop.v1.ShopService/GetItem",
			"-d", fmt.Sprintf(`{"id": %q}`, created.Item.ID), "--concurrency", "50", "--warmup", "500ms", "--duration", "3s",
			"--html", d.report); err != nil {
			return err
		}
		page, err := os.Stat(d.report)
		if err != nil {
			return err
		}
		fmt.Printf("the report is a page of %d KiB: %s\n", page.Size()>>10, d.report)
		return nil
	})
}

// show runs the command, prints it with what it prints, and returns that; it is an error when it ends with another code
// than 0.
func (d *demo) show(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, d.program("fairlead"), args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	words := make([]string, 0, 1+len(args))
	words = append(words, "$ fairlead")
	for _, arg := range args {
		if strings.ContainsAny(arg, `{" `) {
			arg = "'" + arg + "'"
		}
		words = append(words, arg)
	}
	line := strings.Join(words, " ")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", line, err, stdout.Bytes(), stderr.Bytes())
	}
	fmt.Print(indent(line, stdout.String()))
	return stdout.String(), nil
}

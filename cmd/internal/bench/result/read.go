package result

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// maxFile bounds what is read, in bytes.
const maxFile = 256 << 20

// Read reads a file. It stops waiting for a FIFO when ctx ends.
func Read(ctx context.Context, path string) (*Result, error) {
	b, err := cli.ReadFile(ctx, path, cli.Limit{Bytes: maxFile})
	if err != nil {
		return nil, err
	}
	r, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Decode reads a result.
func Decode(b []byte) (*Result, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, placed(b, err)
	}
	switch {
	case head.Format != Format:
		return nil, errors.New("not a result of fairlead bench (write one with --out)")
	case head.Version < 1:
		return nil, errors.New("the version of the format is missing")
	case head.Version > Version:
		return nil, fmt.Errorf("version %d of the format is newer than this program, which knows %d", head.Version, Version)
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, placed(b, err)
	}
	if _, err := r.Latency.HDR(); err != nil {
		return nil, fmt.Errorf("latency: %w", err)
	}
	return r, nil
}

// placed gives an error of package json its line and column.
func placed(b []byte, err error) error {
	offset := int64(-1)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	}
	if offset < 0 {
		return err
	}
	before := b[:min(offset, int64(len(b)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
}

// Expand returns the files that an argument stands for: itself, the files *.json of a directory, or those that match a
// pattern of filepath.Match, sorted.
func Expand(arg string) ([]string, error) {
	if info, err := os.Stat(arg); err == nil {
		if !info.IsDir() {
			return []string{arg}, nil
		}
		paths, err := filepath.Glob(filepath.Join(escapePattern(arg), "*.json"))
		if err == nil && len(paths) == 0 {
			err = fmt.Errorf("%s: there are no files *.json in it", arg)
		}
		return paths, err
	}
	if !strings.ContainsAny(arg, "*?[") {
		_, err := os.Stat(arg)
		return nil, err
	}
	paths, err := filepath.Glob(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", arg, err)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(p)
		return err != nil || info.IsDir()
	})
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no file matches", arg)
	}
	return paths, nil
}

// escapePattern has the name of a directory match itself.
func escapePattern(dir string) string {
	if os.PathSeparator == '\\' {
		return dir // there patterns know no escape
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

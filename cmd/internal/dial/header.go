package dial

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// Metadata returns the headers that the flags name, which Open sends with each call: each value of --header is "name:
// value", or "@file" with one of these on each line. Values of names that end in -bin are given in base64, of any kind.
func (f *Flags) Metadata(ctx context.Context) (fairlead.Metadata, error) {
	var md fairlead.Metadata
	var errs []error
	for _, text := range f.header {
		path, ok := strings.CutPrefix(text, "@")
		if !ok {
			errs = append(errs, addHeader(&md, text))
			continue
		}
		content, err := f.ReadFile(ctx, path, cli.Limit{Bytes: maxHeaders})
		if err != nil {
			errs = append(errs, fmt.Errorf("--header: %w", err))
			continue
		}
		for i, line := range strings.Split(string(content), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			if err := addHeader(&md, line); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", path, i+1, err))
			}
		}
	}
	return md, errors.Join(errs...)
}

// addHeader adds a header. Its errors name it, but not its value, which may be a secret.
func addHeader(md *fairlead.Metadata, text string) error {
	name, value, ok := strings.Cut(text, ":")
	name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
	if !ok {
		return errors.New("--header: want \"name: value\", and there is no colon") // it may be a secret
	}
	if why := badName(name); why != "" {
		return fmt.Errorf("--header %q: %s", name, why)
	}
	if strings.HasSuffix(name, "-bin") {
		decoded, err := decodeBase64(value)
		if err != nil {
			return fmt.Errorf("--header %q: names that end in -bin have values in base64: %w", name, err)
		}
		md.Add(name, string(decoded))
		return nil
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return fmt.Errorf("--header %q: the value is not printable ASCII; give it in base64, "+
				"to a name that ends in -bin", name)
		}
	}
	md.Add(name, value)
	return nil
}

// badName returns why a name cannot be one of a header, "" if it can.
func badName(name string) string {
	if name == "" {
		return "the name is empty"
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return fmt.Sprintf("a name has letters, digits, '_', '-' and '.', and not %q", c)
		}
	}
	switch name {
	case "host":
		return "it is set with --authority"
	case "grpc-timeout":
		return "it is set with --timeout"
	case "te", "content-type", "content-length", "user-agent", "connection", "transfer-encoding", "upgrade", "trailer",
		"grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message", "keep-alive", "proxy-connection":
		return "the name is the protocol's own"
	}
	return ""
}

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

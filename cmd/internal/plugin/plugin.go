// Package plugin runs generators that are programs of their own, by the protocol of protoc: a CodeGeneratorRequest
// goes to the program's standard input, a CodeGeneratorResponse comes from its standard output.
package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Prefix begins the names of programs that are plugins.
const Prefix = "protoc-gen-"

// Plugin is a generator.
type Plugin struct {
	// Name is the program's name without Prefix; it names the plugin in messages.
	Name string
	// Path is the program; "" for Prefix+Name on the search path.
	Path string
	// Out is the directory to which its files go.
	Out string
	// Opts are the options that it gets, joined by commas.
	Opts []string

	maxOutput int64 // how much it may write, in bytes; 0 for the constant of that name
}

// NameOf returns the name of the plugin that is the program at path.
func NameOf(path string) string {
	return strings.TrimPrefix(strings.TrimSuffix(filepath.Base(path), ".exe"), Prefix)
}

// Program returns the path of the program, or an error that says where it was looked for.
func (p *Plugin) Program() (string, error) {
	name := cmp.Or(p.Path, Prefix+p.Name)
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return filepath.Abs(path)
	case errors.Is(err, exec.ErrDot):
		return "", fmt.Errorf("plugin %s: %s is in the working directory; write ./%s to run it from there", p.Name, name,
			name)
	case strings.ContainsRune(name, filepath.Separator):
		return "", fmt.Errorf("plugin %s: %s is no program that can be run: %w", p.Name, name, errors.Unwrap(err))
	default:
		return "", fmt.Errorf("plugin %s: there is no program %s in PATH; install it, or give its path as %s=/path/to/%s",
			p.Name, name, p.Name, name)
	}
}

package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-go/fairlead/internal/near"
)

// habits are the flags of grpcurl, ghz and evans that have another name here: what to write instead. Flags of the same
// name are not among them.
//
//nolint:gochecknoglobals // read-only
var habits = map[string]string{
	// grpcurl
	"import-path":          "-I DIR, --proto-path DIR",
	"protoset":             "--descriptor-set FILE",
	"cacert":               "--ca FILE",
	"servername":           "--server-name NAME",
	"max-time":             "--timeout TIME",
	"keepalive-time":       "",
	"max-msg-sz":           "--max-message SIZE",
	"use-reflection":       "--reflect",
	"rpc-header":           "-H, --header 'name: value'",
	"reflect-header":       "-H, --header 'name: value'",
	"allow-unknown-fields": "--unknown-fields",
	"format-error":         "--error-format json",
	"msg-template":         "fairlead describe ADDRESS MESSAGE --template",
	"unix":                 "unix:/path as the ADDRESS",
	"vv":                   "--verbose",
	"user-agent":           "",
	"alts":                 "",
	"protoset-out":         "fairlead describe ADDRESS FILE.proto, which prints a file",
	"proto-out-dir":        "fairlead describe ADDRESS FILE.proto, which prints a file",
	// ghz
	"call":            "METHOD behind ADDRESS",
	"rps":             "--rate CALLS",
	"total":           "--count CALLS",
	"data-file":       "--data @FILE",
	"metadata":        "-H, --header 'name: value'",
	"metadata-file":   "-H, --header @FILE",
	"import-paths":    "-I DIR, --proto-path DIR",
	"cname":           "--server-name NAME",
	"skipTLS":         "--insecure",
	"skip-tls":        "--insecure",
	"dial-timeout":    "--connect-timeout TIME",
	"stream-interval": "",
	// evans
	"reflection": "--reflect",
	"host":       "HOST:PORT as the ADDRESS",
	"port":       "HOST:PORT as the ADDRESS",
	"path":       "-I DIR, --proto-path DIR",
}

// hints returns what may help somebody who called cmd wrongly with args.
func hints(cmd *cobra.Command, args []string, err error) []string {
	var list []string
	add := func(hint string) {
		if hint != "" && !slices.Contains(list, hint) {
			list = append(list, hint)
		}
	}
	for _, name := range singleDashed(cmd, args) {
		add(meant(cmd, name, "-"+name))
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		name := unknown.GetSpecifiedName()
		add(meant(cmd, name, "--"+name))
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok && wrong.GetFlag().Value.Type() == "duration" &&
		len(list) == 0 && isNumber(wrong.GetValue()) {
		add("a time has a unit: " + wrong.GetValue() + "s")
	}
	if !cmd.HasParent() {
		add(misplaced(cmd, args))
	}
	return list
}

// singleDashed returns the arguments that look like the long name of a flag behind one dash, without the dash.
func singleDashed(cmd *cobra.Command, args []string) []string {
	var list []string
	for _, a := range args {
		if a == "--" {
			break
		}
		name, ok := strings.CutPrefix(a, "-")
		name, _, _ = strings.Cut(name, "=")
		if !ok || len(name) < 2 || name[0] == '-' {
			continue
		}
		if _, known := habitOf(cmd, name); known || isFlag(cmd, name) || len(name) > 3 && likeFlag(cmd, name) != nil {
			list = append(list, name)
		}
	}
	return list
}

// meant returns what to write for a flag that does not exist as it was written.
func meant(cmd *cobra.Command, name, written string) string {
	flag, isHabit := habitOf(cmd, name)
	switch {
	case isFlag(cmd, name) && written != "--"+name:
		return "flags have two dashes: --" + name
	case isHabit && flag == "":
		return "there is nothing like " + written + " here"
	case isHabit && hasFlag(cmd, flag):
		return "for " + written + " write " + flag
	}
	if names := likeFlag(cmd, name); names != nil {
		return "did you mean " + strings.Join(names, " or ") + "?"
	}
	return ""
}

// habitOf returns what to write for a flag of another tool, in commands that reach servers.
func habitOf(cmd *cobra.Command, name string) (flag string, ok bool) {
	flag, ok = habits[name]
	return flag, ok && isFlag(cmd, "connect-timeout")
}

// hasFlag reports whether cmd has the flag that a habit stands for, if that is one.
func hasFlag(cmd *cobra.Command, habit string) bool {
	_, name, ok := strings.Cut(habit, "--")
	name, _, _ = strings.Cut(name, " ")
	return !ok || strings.HasPrefix(habit, "fairlead ") || isFlag(cmd, name)
}

// likeFlag returns the flags of cmd, and of the root those of all commands, whose names are like name.
func likeFlag(cmd *cobra.Command, name string) []string {
	var names []string
	eachFlag(cmd, func(f *pflag.Flag) { names = append(names, f.Name) })
	found := near.Words(name, names)
	for i := range found {
		found[i] = "--" + found[i]
	}
	return found
}

func isFlag(cmd *cobra.Command, name string) (found bool) {
	eachFlag(cmd, func(f *pflag.Flag) { found = found || f.Name == name })
	return found
}

// eachFlag calls f with the flags of cmd, and if that is the root with those of all commands.
func eachFlag(cmd *cobra.Command, f func(*pflag.Flag)) {
	visit := func(flag *pflag.Flag) {
		if !flag.Hidden {
			f(flag)
		}
	}
	cmd.Flags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	if cmd.HasParent() {
		return
	}
	for _, sub := range cmd.Commands() {
		sub.Flags().VisitAll(visit)
	}
}

// misplaced returns what may help when the first argument is no command.
func misplaced(root *cobra.Command, args []string) string {
	var words []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	var names []string
	for _, sub := range root.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if len(words) == 0 || slices.Contains(names, words[0]) {
		return ""
	}
	if i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(names, w) }); i > 0 {
		return "the command comes first: " + root.Name() + " " + words[i] + " " + words[0]
	}
	if found := near.Words(words[0], names); len(found) > 0 {
		return "did you mean " + root.Name() + " " + strings.Join(found, " or ") + "?"
	}
	if strings.Contains(words[0], ":") {
		return "the command comes first: " + root.Name() + " list ADDRESS, or " + root.Name() + " call ADDRESS METHOD"
	}
	return ""
}

// isNumber reports whether text has digits and a decimal point alone.
func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == ""
}

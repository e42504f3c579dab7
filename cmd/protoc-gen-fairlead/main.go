// Protoc-gen-fairlead is a plugin for protoc and buf. It writes the stubs of services for package fairlead, the rules
// of messages that have some, and the JSON form of messages, beside the messages that protoc-gen-go writes:
//
//	protoc --go_out=. --fairlead_out=. greeter.proto
//
// It takes the options of protoc-gen-go that say where files go (paths, module and M), beside_grpc=true for packages
// that hold the code of protoc-gen-go-grpc too, validate=false to leave the rules out, json=false to leave JSON to
// reflection, and strict=true to make warnings errors. The command fairlead gen does the same without protoc.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/gen"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("protoc-gen-fairlead", fairlead.Version)
		return
	}
	var options flag.FlagSet
	besideGRPC := options.Bool("beside_grpc", false, "leave the names of protoc-gen-go-grpc's code alone")
	rules := options.Bool("validate", true, "compile the rules of messages")
	json := options.Bool("json", true, "generate the JSON form of messages")
	strict := options.Bool("strict", false, "treat warnings as errors")
	plugins := gen.Options()
	plugins.ParamFunc = func(name, value string) error { return set(&options, name, value) }
	plugins.Run(func(plugin *protogen.Plugin) error {
		var invalid error
		if *rules {
			invalid = gen.Validations(plugin)
		}
		if *json {
			notes, err := gen.JSON(plugin)
			invalid = errors.Join(invalid, err)
			for _, note := range notes {
				fmt.Fprintln(os.Stderr, note, "(note)")
			}
		}
		warnings, err := gen.Services(plugin, gen.StubConfig{BesideGRPC: *besideGRPC})
		if *strict && len(warnings) > 0 {
			return errors.Join(invalid, err, warnings)
		}
		for _, w := range warnings {
			fmt.Fprintln(os.Stderr, w, "(warning)")
		}
		return errors.Join(invalid, err)
	})
}

// set sets one of the plugin's own options, all of which are true or false.
func set(options *flag.FlagSet, name, value string) error {
	switch {
	case options.Lookup(name) == nil:
		known := []string{"paths", "module", "M"}
		options.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
		slices.Sort(known)
		return fmt.Errorf("there is no option %q; there are %s", name, strings.Join(known, ", "))
	case value == "":
		return fmt.Errorf("the option %s has no value; write %s=true or %s=false", name, name, name)
	case options.Set(name, value) != nil:
		return fmt.Errorf("the option %s cannot be %q; write %s=true or %s=false", name, value, name, name)
	}
	return nil
}

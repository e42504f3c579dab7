// Protoc-gen-fairlead is a plugin for protoc and buf. It writes the stubs of services for package fairlead, and the
// rules of messages that have some, beside the messages that protoc-gen-go writes:
//
//	protoc --go_out=. --fairlead_out=. greeter.proto
//
// It takes the options of protoc-gen-go that say where files go (paths, module and M), beside_grpc=true for packages
// that hold the code of protoc-gen-go-grpc too, validate=false to leave the rules out, and strict=true to make warnings
// errors. The command fairlead gen does the same without protoc.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

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
	strict := options.Bool("strict", false, "treat warnings as errors")
	plugins := gen.Options()
	plugins.ParamFunc = options.Set
	plugins.Run(func(plugin *protogen.Plugin) error {
		var invalid error
		if *rules {
			invalid = gen.Validations(plugin)
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

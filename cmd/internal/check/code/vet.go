package code

import (
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"
)

// CalledByVet reports whether the arguments of the program are those with which go vet calls a tool: a question for its
// version or its flags, or a package's configuration.
func CalledByVet(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := len(args) - 1
	for _, flag := range args[:last] {
		if !strings.HasPrefix(flag, "-") {
			return false
		}
	}
	return args[last] == "-V=full" || args[last] == "-flags" || strings.HasSuffix(args[last], ".cfg")
}

// Vet does what go vet asks for, and ends the program.
func Vet() { unitchecker.Main(StreamCancel()) }

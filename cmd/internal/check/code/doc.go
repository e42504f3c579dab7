// Package code is the command "fairlead check code" and the analyzers behind it: they find mistakes in Go code that
// uses the framework. The program is also a tool for go vet, which then calls it for each package:
//
//	go vet -vettool=$(which fairlead) ./...
package code

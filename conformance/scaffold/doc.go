// Package scaffold holds tests of what the command "fairlead new" writes against the tools that read it: the parser of
// Dockerfiles, Kubernetes' types, make, and golangci-lint. It has no code of its own.
package scaffold

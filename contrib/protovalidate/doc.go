// Package protovalidate has protovalidate's library apply the rules that fairlead gen does not compile: expressions in
// CEL, predefined rules, and the rules of messages whose Go code was generated without validation. It is a module of
// its own because it brings cel-go; a program whose contracts have no such rules does without.
//
//	rules, err := protovalidate.New()
//	...
//	checks, err := validate.New(validate.Expressions(rules))
//	...
//	srv, err := preset.NewServer(addr, server.Validation(checks), ...)
package protovalidate

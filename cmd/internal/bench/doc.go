// Package bench is the command "fairlead bench": it makes load on a method of a gRPC server and measures how the server
// takes it.
//
// bench.go has the command and its flags, options.go what they make of a run, target.go how a call is made (codec.go:
// without decoding; kinds.go: by the kind of method), report.go the result, text.go and page.go how it is shown. The
// packages below are load (the loops and the clock, which knows nothing of calls), payload (templates of requests),
// result (the file format), page (pages of results) and figure (numbers for people).
package bench

// Package call is the commands "fairlead call", "fairlead list" and "fairlead describe", for any server of gRPC.
//
//	call.go complete.go   the command call, and what the shell completes
//	run.go                a call, from its contract to its end
//	input.go split.go     requests: where they come from, and where one ends
//	place.go              pointing at what is wrong with a request
//	print.go              responses
//	verbose.go failure.go what is said beside them: headers, times, errors
//	list.go describe.go   the other two commands
//	source.go options.go  descriptors as text of a .proto file
//	template.go           a request to fill in
package call

// Package implement adds the methods that an implementation of a service lacks, and says which of those that it has do
// not fit the contract.
//
// It never changes what somebody wrote: methods are appended to the file in which the type's other methods are, and
// imports are added to its imports; every other byte stays as it is. For that reason the text is edited as text, and
// syntax trees are read only; printing one would move comments and blank lines.
//
// Which type implements a service is found from the source alone, so that it works while the code does not compile,
// which is when it is needed. These say so, the first that is there: the user; a call such as pb.Greeter(service{})
// somewhere in the module; an assertion such as var _ pb.GreeterServer = (*service)(nil); a type that has most of the
// methods.
//
// A type that embeds the Unimplemented type of a service lacks nothing: its author has chosen what happens to methods
// that are not there.
package implement

// Severity says how bad a Finding is.
type Severity string

// The severities.
const (
	// Warning: the code does not do what the contract says, and probably does not compile.
	Warning Severity = "warning"
	// Note: worth knowing.
	Note Severity = "note"
)

// Finding is something about a place in the implementation.
type Finding struct {
	File         string
	Line, Column int // 0: not known
	Severity     Severity
	Text         string
}

// Change is a file to be written.
type Change struct {
	Path    string
	Content []byte
	New     bool     // the file is not there yet
	Methods []string // the names of the methods that were added
}

// Target is a directory with an implementation.
type Target struct {
	// Dir holds the package; it need not exist.
	Dir string
	// Type is the type that implements the service; "" to find it.
	Type string
	// Service is the name of the service, in full or without the package; "" for those that a type in the package
	// implements, and for those that no other target does.
	Service string
	// Existing means that nothing is to be done unless a type implements one of the services.
	Existing bool
}

// Result lists what is to be done.
type Result struct {
	Changes  []Change
	Findings []Finding
}

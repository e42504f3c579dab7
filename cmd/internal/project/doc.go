// Package project reads and writes fairlead.yaml, in which a project keeps what the commands would otherwise have to be
// told each time.
//
// The file stands at the root of a Go module. It has a section for each command that keeps something there:
//
//	version: 1
//	gen:
//	  inputs: [api]
//	  vt: true
//	  openapi: true
//
// Document is all that may be in it. A command that has more to keep adds a field for its section to Document, with the
// section's type in a file beside this one; everything else follows from the types: what they do not have is an error
// that names the line, and the key that was probably meant.
package project

// Name is the name of the file.
const Name = "fairlead.yaml"

// Version is the version of the format that this package reads and writes.
const Version = 1

// Document is the content of the file. The yaml tags are the keys; a tag "oneof" lists the values that a text may have.
type Document struct {
	Version int    `yaml:"version"`
	Gen     *Gen   `yaml:"gen"`
	Check   *Check `yaml:"check"`
}

// Gen is the section of fairlead gen. Paths are relative to the file's directory; a nil pointer and an empty value
// stand for the default of the flag of the same name.
type Gen struct {
	// Roots are the directories in which imports are looked for.
	Roots []string `yaml:"roots"`
	// Inputs are .proto files, and directories to search for them.
	Inputs []string `yaml:"inputs"`
	// Out is the directory to write to.
	Out string `yaml:"out"`
	// Paths says how files are placed below Out.
	Paths string `oneof:"source_relative,import" yaml:"paths"`
	// Module is a prefix that is cut from import paths.
	Module string `yaml:"module"`
	// Map has the Go import paths of .proto files, or of directories with all below them, in place of their go_package.
	Map map[string]string `yaml:"map"`

	Messages   *bool `yaml:"messages"`
	VT         *bool `yaml:"vt"`
	OpenAPI    *bool `yaml:"openapi"`
	Stubs      *bool `yaml:"stubs"`
	Validate   *bool `yaml:"validate"`
	JSON       *bool `yaml:"json"`
	BesideGRPC *bool `yaml:"beside_grpc"`
	// Strict makes warnings errors.
	Strict *bool `yaml:"strict"`

	Plugins   []Plugin    `yaml:"plugins"`
	Implement []Implement `yaml:"implement"`
}

// Plugin is a generator that is a program of its own.
type Plugin struct {
	// Name is the program's name without "protoc-gen-".
	Name string `yaml:"name"`
	// Path is the program; "" for protoc-gen-NAME on the search path.
	Path string `yaml:"path"`
	// Out is the directory to write to; "" for that of the other code.
	Out string `yaml:"out"`
	// Opts are the options to hand over.
	Opts []string `yaml:"opts"`
}

// Implement is a directory in which a service is implemented.
type Implement struct {
	Dir string `yaml:"dir"`
	// Type is the type that implements it; "" for the one that is found.
	Type string `yaml:"type"`
	// Service is its full name; "" for the one that the type implements.
	Service string `yaml:"service"`
}

package consumers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// Access is how something is used.
type Access string

// The kinds of access.
const (
	Read  Access = "read"
	Write Access = "write"
	Call  Access = "call"
	Type  Access = "type" // the name of a message, an enum, or what stands for a method
)

// Use is one place that uses a declaration of a contract.
type Use struct {
	// Name is the full name of what is used: package.Message.field, package.Service.Method, package.Message,
	// package.Enum or package.Enum.VALUE. A oneof is named as a field is.
	Name   string `json:"name"`
	Access Access `json:"access"`
	// Module is the path of the module that uses it, Package that of the package.
	Module  string `json:"module"`
	Package string `json:"package"`
	finding.Place
	// Broken means that generated code no longer has what is used: the place does not compile. What it was called in
	// Go is then Member, and Name is that of the message, the service or the package that had it.
	Broken bool   `json:"broken,omitempty"`
	Member string `json:"member,omitempty"`
}

// sortUses puts uses in the order in which they are printed, and returns them without repetitions.
func sortUses(uses []Use) []Use {
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Module, b.Module),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Access, b.Access))
	})
	return slices.Compact(uses)
}

// Result is the result of Find.
type Result struct {
	// Uses are in the order of names, modules and places.
	Uses []Use
	// Modules are the paths of the modules that were searched, in order; Packages is the number of their packages.
	Modules  []string
	Packages int
	// Problems say, for each package in which uses may have been missed, why.
	Problems []string
	// Known are the full names of the fields and methods that the modules have generated code for, in order.
	Known []string

	// The places in Uses of what has a name or is declared within it, and those of what is broken. See index.
	places map[string][]int
	broken map[lost][]int
}

// lost is something that generated code no longer has: what it was called in Go, and the full name of what had it.
type lost struct{ within, member string }

// index makes what Of looks in. Uses are complete and in order.
func (r *Result) index() {
	r.places, r.broken = make(map[string][]int), make(map[lost][]int)
	for i, u := range r.Uses {
		if u.Broken {
			at := lost{u.Name, u.Member}
			r.broken[at] = append(r.broken[at], i)
			continue
		}
		for name := u.Name; name != ""; {
			r.places[name] = append(r.places[name], i)
			name = name[:max(strings.LastIndexByte(name, '.'), 0)]
		}
	}
}

// Of returns the uses of what has a full name, or of what is declared within it: of the methods of a service, and of
// the fields of a message. What was deleted and is still used counts as well.
func (r *Result) Of(name string) []Use {
	places := slices.Clone(r.places[name])
	dot := strings.LastIndexByte(name, '.')
	for _, member := range goMembers(name[dot+1:]) {
		places = append(places, r.broken[lost{name[:max(dot, 0)], member}]...)
	}
	for pkg := name; dot > 0; dot = strings.LastIndexByte(pkg, '.') {
		pkg = pkg[:dot]
		for _, ident := range goIdents(pkg, name) {
			for _, i := range r.broken[lost{pkg, ident}] {
				if r.Uses[i].Access == Type {
					places = append(places, i)
				}
			}
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	uses := make([]Use, 0, len(places))
	for _, i := range places {
		uses = append(uses, r.Uses[i])
	}
	return uses
}

// goMembers returns what generated code calls the field, method or message of that name, and the methods that get or
// set the field.
func goMembers(name string) []string {
	goName := goCamelCase(name)
	return []string{goName, "Get" + goName, "Set" + goName, "Has" + goName, "Clear" + goName}
}

// goIdents returns what protoc-gen-go may call the message, enum or enum's value of that name in the proto package pkg.
func goIdents(pkg, name string) []string {
	rest, ok := strings.CutPrefix(name, pkg+".")
	if !ok {
		return nil
	}
	parts := strings.Split(rest, ".")
	last := parts[len(parts)-1]
	for i := range parts {
		parts[i] = goCamelCase(parts[i])
	}
	idents := []string{strings.Join(parts, "_")}
	switch n := len(parts); {
	case n == 2: // a value of an enum
		idents = append(idents, parts[0]+"_"+last)
	case n > 2: // of one in a message
		idents = append(idents, strings.Join(parts[:n-2], "_")+"_"+last)
	}
	return idents
}

// goCamelCase returns a name of a contract as protoc-gen-go writes it in Go; see the Go Generated Code Guide on
// protobuf.dev.
func goCamelCase(name string) string {
	isLower := func(i int) bool { return i < len(name) && name[i] >= 'a' && name[i] <= 'z' }
	var b strings.Builder
	capital := true // whether a small letter that comes next becomes a capital one
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' && i == 0:
			b.WriteByte('X') // names that begin with an underscore would not be exported
			capital = true
		case c == '_' && isLower(i+1):
			capital = true
		case isLower(i) && capital:
			b.WriteByte(c - 'a' + 'A')
			capital = false
		default:
			b.WriteByte(c)
			capital = c >= '0' && c <= '9'
		}
	}
	return b.String()
}

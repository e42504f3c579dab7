package breaking

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// Numbers of fields in descriptor.proto, of which paths of source locations are made; see SourceCodeInfo.Location.path
// there.
const (
	fileMessages   = 4
	fileEnums      = 5
	fileServices   = 6
	fileExtensions = 7
	fileOptions    = 8
	filePackage    = 2
	fileSyntax     = 12
	fileEdition    = 14

	messageFields     = 2
	messageMessages   = 3
	messageEnums      = 4
	messageExtensions = 6
	messageOptions    = 7
	messageOneofs     = 8

	fieldName     = 1
	fieldType     = 5
	fieldTypeName = 6
	fieldDefault  = 7
	fieldOptions  = 8
	fieldJSONName = 10

	enumValues  = 2
	enumOptions = 3
	valueNumber = 2
	valueOption = 3

	serviceMethods = 2
	methodInput    = 2
	methodOutput   = 3
	methodOptions  = 4
)

// pathOf returns the path of d in its file's descriptor.
func pathOf(d protoreflect.Descriptor) protoreflect.SourcePath {
	parent := d.Parent()
	if parent == nil {
		return nil
	}
	return append(pathOf(parent), kindOf(d), int32(d.Index()))
}

// kindOf returns the number of the field of d's parent that lists declarations of its kind.
func kindOf(d protoreflect.Descriptor) int32 {
	_, inFile := d.Parent().(protoreflect.FileDescriptor)
	choose := func(file, message int32) int32 {
		if inFile {
			return file
		}
		return message
	}
	switch d := d.(type) {
	case protoreflect.MessageDescriptor:
		return choose(fileMessages, messageMessages)
	case protoreflect.EnumDescriptor:
		return choose(fileEnums, messageEnums)
	case protoreflect.FieldDescriptor:
		if d.IsExtension() {
			return choose(fileExtensions, messageExtensions)
		}
		return messageFields
	case protoreflect.OneofDescriptor:
		return messageOneofs
	case protoreflect.EnumValueDescriptor:
		return enumValues
	case protoreflect.ServiceDescriptor:
		return fileServices
	default:
		return serviceMethods
	}
}

// spot is a place, and the line on which the declaration begins that it belongs to: a comment before that silences what
// is found at the place.
type spot struct {
	finding.Place
	begin int
}

// whole returns the place of d's declaration.
func (c *Contract) whole(d protoreflect.Descriptor) spot { return c.part(d) }

// part returns the place of the first of parts of d's declaration that the source spells out, or else that of the
// declaration, or else that of what encloses it. A part is a path below that of d.
func (c *Contract) part(d protoreflect.Descriptor, parts ...protoreflect.SourcePath) spot {
	declared := c.declared(d)
	for _, part := range parts {
		if at, ok := c.locate(d.ParentFile(), slices.Concat(pathOf(d), part)); ok {
			return spot{at, declared.Line}
		}
	}
	return spot{declared, declared.Line}
}

// declared returns the place of the declaration of d or of what encloses it. What the compiler makes of a map stands
// where the map's type is named.
func (c *Contract) declared(d protoreflect.Descriptor) finding.Place {
	file := d.ParentFile()
	for ; d != nil; d = d.Parent() {
		path := pathOf(d)
		if m, ok := d.(protoreflect.MessageDescriptor); ok && m.IsMapEntry() {
			if field := c.mapField(m); field != nil {
				path = append(pathOf(field), fieldTypeName)
			}
		}
		if at, ok := c.locate(file, path); ok && len(path) > 0 {
			return at
		}
	}
	return c.fileAlone(file.Path())
}

// optionKey is an option of a declaration.
type optionKey struct{ file, path string }

// option returns the place of an option of d, which may have been set within a message literal or as a whole, and
// otherwise that of d. The path begins with the number of the field of d's descriptor that holds options, and that of
// the option itself, which a place needs to have in common with it.
func (c *Contract) option(d protoreflect.Descriptor, path protoreflect.SourcePath) spot {
	base := pathOf(d)
	full := slices.Concat(base, path)
	key := optionKey{d.ParentFile().Path(), finding.Key(full)}
	at, known := c.shown[key]
	if !known {
		at = c.findOption(d, base, full)
		if c.shown == nil {
			c.shown = make(map[optionKey]spot)
		}
		c.shown[key] = at
	}
	return at
}

// findOption is option for one that was not asked for before. Base is the path of d, and full that of the option.
func (c *Contract) findOption(d protoreflect.Descriptor, base, full protoreflect.SourcePath) spot {
	const must = 2 // how much of the path below base
	file := d.ParentFile()
	declared := c.declared(d)
	if at, ok := c.locate(file, full); ok {
		return spot{at, declared.Line}
	}
	var best protoreflect.SourceLocation
	locations := c.locations(file)
	for _, i := range c.optionsIn(file, locations).Of(base) {
		at := locations.Get(i)
		switch {
		case hasPrefix(at.Path, full):
			return spot{c.place(file, at), declared.Line}
		case len(at.Path) >= len(base)+must && hasPrefix(full, at.Path) && len(at.Path) > len(best.Path):
			best = at
		}
	}
	if best.Path != nil {
		return spot{c.place(file, best), declared.Line}
	}
	return spot{declared, declared.Line}
}

// optionsIn returns where the options in a file are among its locations.
func (c *Contract) optionsIn(
	file protoreflect.FileDescriptor, locations protoreflect.SourceLocations,
) *finding.Options {
	found := c.options[file.Path()]
	if found == nil {
		found = finding.NewOptions(locations.Len(), func(i int) []int32 { return locations.Get(i).Path })
		if c.options == nil {
			c.options = make(map[string]*finding.Options)
		}
		c.options[file.Path()] = found
	}
	return found
}

// fileAlone returns the place of a file as a whole.
func (c *Contract) fileAlone(name string) finding.Place {
	return finding.Place{File: c.show(c.disk(name))}
}

func hasPrefix(path, prefix protoreflect.SourcePath) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

func (c *Contract) locate(file protoreflect.FileDescriptor, path protoreflect.SourcePath) (finding.Place, bool) {
	at := c.locations(file).ByPath(path)
	if at.Path == nil {
		return finding.Place{}, false
	}
	return c.place(file, at), true
}

// place turns a location into a place that counts from 1. Columns are made characters where the file can be read.
func (c *Contract) place(file protoreflect.FileDescriptor, at protoreflect.SourceLocation) finding.Place {
	span := []int32{int32(at.StartLine), int32(at.StartColumn), int32(at.EndLine), int32(at.EndColumn)}
	place := c.sources.Place(c.disk(file.Path()), span)
	place.File = c.show(place.File)
	return place
}

// fileSpot returns the place of the first of parts of a file that the source spells out.
func (c *Contract) fileSpot(file protoreflect.FileDescriptor, parts ...protoreflect.SourcePath) spot {
	for _, part := range parts {
		if at, ok := c.locate(file, part); ok {
			return spot{at, at.Line}
		}
	}
	return spot{Place: c.fileAlone(file.Path())}
}

// head returns the place at which a file says what it is: its package, or else its syntax.
func (c *Contract) head(file protoreflect.FileDescriptor) spot {
	return c.fileSpot(file, protoreflect.SourcePath{filePackage}, protoreflect.SourcePath{fileSyntax},
		protoreflect.SourcePath{fileEdition})
}

// syntax returns the place at which a file names its syntax or edition.
func (c *Contract) syntax(file protoreflect.FileDescriptor) spot {
	return c.fileSpot(file, protoreflect.SourcePath{fileSyntax}, protoreflect.SourcePath{fileEdition},
		protoreflect.SourcePath{filePackage})
}

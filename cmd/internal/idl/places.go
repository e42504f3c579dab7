package idl

import (
	"bytes"
	"fmt"

	"github.com/bufbuild/protocompile/linker"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Places says which places and comments Whole returns.
type Places int

// The places.
const (
	NoPlaces Places = iota
	AllPlaces
	// Declarations leaves out the places of the parts of declarations: their names, numbers, types and labels. They are
	// four out of five, and generators of code do not ask for them. Those of options are there.
	Declarations
)

// Whole returns files, which are among c.Files, with what CompileCompact and CompileLinked left out of them, and with
// the places that are asked for. Those of CompileCompact are new, with options of the types that are part of the
// program, as generators have them; the others share the rest with files. Whole is safe for concurrent use.
func (c *Contract) Whole(
	files []*descriptorpb.FileDescriptorProto, which Places,
) ([]*descriptorpb.FileDescriptorProto, error) {
	all := make([]*descriptorpb.FileDescriptorProto, len(files))
	for i, file := range files {
		places, err := c.placesIn(file, which)
		if err != nil {
			return nil, err
		}
		if k := c.kept[file.GetName()]; k != nil && k.encoded != nil {
			all[i] = new(descriptorpb.FileDescriptorProto)
			if err := proto.Unmarshal(k.encoded, all[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", file.GetName(), err)
			}
		} else {
			all[i] = shallow(file)
		}
		all[i].SourceCodeInfo = places
	}
	return all, nil
}

// Compact reports whether CompileCompact made c.
func (c *Contract) Compact() bool {
	for _, k := range c.kept {
		return k.encoded != nil // all are
	}
	return false
}

// shallow returns a copy of file that shares all its fields.
func shallow(file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	fresh := new(descriptorpb.FileDescriptorProto)
	to := fresh.ProtoReflect()
	from := file.ProtoReflect()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	return fresh
}

// encodedPlaces are the places and comments of a file, packed. Only generators of code, who call CompileCompact, ask
// for those of declarations alone; these are there once more, so that not all have to be decoded for that.
type encodedPlaces struct {
	all          []byte
	declarations []byte // nil unless CompileCompact made them
}

// pack compresses places: each is much like the one before.
func pack(places []byte) []byte { return bytes.Clone(s2.Encode(nil, places)) }

func encodePlaces(places *descriptorpb.SourceCodeInfo, keeps keeps) (encodedPlaces, error) {
	all, err := proto.Marshal(places)
	if err != nil || keeps != keepsEncoded {
		return encodedPlaces{all: pack(all)}, err
	}
	some := &descriptorpb.SourceCodeInfo{Location: declarations(places.GetLocation())}
	encoded, err := proto.Marshal(some)
	return encodedPlaces{all: pack(all), declarations: pack(encoded)}, err
}

// PlacesIn returns the places and comments in one of c.Files; nil for none. It decodes those that Compile did not leave
// in Files. It is safe for concurrent use.
func (c *Contract) PlacesIn(file *descriptorpb.FileDescriptorProto) (*descriptorpb.SourceCodeInfo, error) {
	return c.placesIn(file, AllPlaces)
}

// placesIn returns places in a file, whether they are in its descriptor or not; nil for none.
func (c *Contract) placesIn(
	file *descriptorpb.FileDescriptorProto, which Places,
) (*descriptorpb.SourceCodeInfo, error) {
	var places *descriptorpb.SourceCodeInfo
	k := c.kept[file.GetName()]
	switch {
	case which == NoPlaces:
		return nil, nil //nolint:nilnil // there are none, as was asked for
	case k == nil || k.places.all == nil:
		places = file.SourceCodeInfo
	default:
		packed := k.places.all
		if which == Declarations && k.places.declarations != nil {
			packed = k.places.declarations
		}
		encoded, err := s2.Decode(nil, packed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.GetName(), err)
		}
		places = new(descriptorpb.SourceCodeInfo)
		if err := proto.Unmarshal(encoded, places); err != nil {
			return nil, fmt.Errorf("%s: %w", file.GetName(), err)
		}
		if k.places.declarations != nil {
			return places, nil
		}
	}
	if which == Declarations && places != nil {
		places = &descriptorpb.SourceCodeInfo{Location: declarations(places.GetLocation())}
	}
	return places, nil
}

// Linked returns the files of a contract that CompileLinked made, in the order of Files, each with what its names refer
// to. What they say of those that were compiled from text is in Files, options included: who changes one changes both.
func (c *Contract) Linked() []protoreflect.FileDescriptor { return c.linked }

// Locations returns the places and comments in one of the Linked files. Those of a file are decoded when they are asked
// for, and kept. It is not safe for concurrent use.
func (c *Contract) Locations(file protoreflect.FileDescriptor) protoreflect.SourceLocations {
	result, ok := file.(linker.Result)
	if !ok || c.located[file.Path()] {
		return file.SourceLocations()
	}
	c.located[file.Path()] = true
	descriptor := result.FileDescriptorProto()
	if places, err := c.placesIn(descriptor, AllPlaces); err == nil { // they are what keep encoded
		descriptor.SourceCodeInfo = places
		result.PopulateSourceCodeInfo()
		descriptor.SourceCodeInfo = nil
	}
	return file.SourceLocations()
}

// declarations returns the locations without those of the parts of declarations.
func declarations(all []*descriptorpb.SourceCodeInfo_Location) []*descriptorpb.SourceCodeInfo_Location {
	count := 0
	for _, at := range all {
		if !isPart(at.GetPath()) {
			count++
		}
	}
	kept := make([]*descriptorpb.SourceCodeInfo_Location, 0, count)
	for _, at := range all {
		if !isPart(at.GetPath()) {
			kept = append(kept, at)
		}
	}
	return kept
}

// holder is one of the messages in descriptor.proto that declare something.
type holder int

const (
	inNone holder = iota
	inFile
	inMessage
	inField
	inOneof
	inEnum
	inValue
	inService
	inMethod
)

// nested returns what the field with that number declares, inNone for nothing.
func (h holder) nested(number int32) holder {
	switch h {
	case inFile:
		return [...]holder{4: inMessage, 5: inEnum, 6: inService, 7: inField, 8: inNone}[min(max(number, 0), 8)]
	case inMessage:
		return [...]holder{2: inField, 3: inMessage, 4: inEnum, 6: inField, 8: inOneof, 9: inNone}[min(max(number, 0), 9)]
	case inEnum:
		return [...]holder{2: inValue, 3: inNone}[min(max(number, 0), 3)]
	case inService:
		return [...]holder{2: inMethod, 3: inNone}[min(max(number, 0), 3)]
	default:
		return inNone
	}
}

// options returns the number of the field that has the options.
func (h holder) options() int32 {
	return [...]int32{inFile: 8, inMessage: 7, inField: 8, inOneof: 2, inEnum: 3, inValue: 3, inService: 3, inMethod: 4}[h]
}

// OptionsOf returns the path of the declaration to whose options, or to a part of them, a path within a file leads. It
// reports false for all other paths.
func OptionsOf(path []int32) (declaration []int32, ok bool) {
	at := inFile
	for i := 0; i < len(path) && at != inNone; i += 2 {
		if path[i] == at.options() {
			return path[:i], true
		}
		at = at.nested(path[i])
	}
	return nil, false
}

// isPart reports whether a path leads to a part of a declaration within a file, such as its name.
func isPart(path []int32) bool {
	at := inFile
	for len(path) > 1 {
		at, path = at.nested(path[0]), path[2:]
	}
	return len(path) == 1 && at != inFile && at != inNone && path[0] != at.options()
}

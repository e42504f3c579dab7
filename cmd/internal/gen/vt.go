package gen

import (
	"bytes"
	"fmt"
	"slices"

	// Linked in for the features that they register with the generator.
	_ "github.com/planetscale/vtprotobuf/features/marshal"
	_ "github.com/planetscale/vtprotobuf/features/size"
	_ "github.com/planetscale/vtprotobuf/features/unmarshal"
	"github.com/planetscale/vtprotobuf/generator"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"
)

const vtSuffix = "_vtproto.pb.go"

// vt runs vtprotobuf's generator over the files that it can do, and returns a note on each of the others.
//
// It knows proto2 and proto3 with the open API; its code reads fields that the opaque API hides, and it would take the
// presence of fields of an edition for proto2's. It takes groups for single fields outside of oneofs. Since its code
// calls itself for all messages of the same proto package, such a package is done as a whole or not at all.
func vt(plugin *protogen.Plugin) (notes []string, err error) {
	renameImports(plugin, localNames)
	plugin.Files = slices.Clone(plugin.Files)
	unfit := make(map[protoreflect.FullName]string)
	for _, file := range plugin.Files {
		if pkg := file.Desc.Package(); unfit[pkg] == "" {
			unfit[pkg] = unfitForVT(file)
		}
	}
	for i, file := range plugin.Files {
		if reason := unfit[file.Desc.Package()]; file.Generate && reason != "" {
			plugin.Files[i] = new(*file) // other generators do it
			plugin.Files[i].Generate = false
			if len(file.Messages) > 0 {
				notes = append(notes, fmt.Sprintf("%s: without vtprotobuf: %s", file.Desc.Path(), reason))
			}
		}
	}
	g, err := generator.NewGenerator(plugin, []string{"marshal", "size", "unmarshal"}, &generator.Config{})
	if err != nil {
		return notes, err
	}
	g.Generate()
	return notes, nil
}

// unfitForVT returns why vtprotobuf cannot do file, "" when it can.
func unfitForVT(file *protogen.File) string {
	if file.Desc.Syntax() == protoreflect.Editions {
		return file.Desc.Path() + " uses an edition"
	}
	if file.APILevel != gofeaturespb.GoFeatures_API_OPEN {
		return file.Desc.Path() + " uses the opaque API"
	}
	reason := ""
	eachMessage(file.Messages, func(m *protogen.Message) {
		for _, f := range m.Fields {
			switch list := f.Desc.IsList(); {
			case reason != "":
			case f.Desc.Kind() == protoreflect.GroupKind && (list || isMember(f)):
				reason = position(f.Desc) + " has groups, repeated or in a oneof"
			case isMember(f) && isVTMethod(f.Oneof.GoName):
				reason = position(f.Oneof.Desc) + " has the name of its method " + f.Oneof.GoName
			case !isMember(f) && isVTMethod(f.GoName):
				reason = position(f.Desc) + " has the name of its method " + f.GoName
			}
		}
	})
	return reason
}

// isVTMethod reports whether vtprotobuf adds a method of that name to messages.
func isVTMethod(name string) bool {
	switch name {
	case "MarshalVT", "MarshalToVT", "MarshalToSizedBufferVT", "SizeVT", "UnmarshalVT":
		return true
	default:
		return false
	}
}

// stripVersion removes the line of a generated file's head in which vtprotobuf puts the version of the program that
// runs it, which is ours and says nothing: the same contract would give other files from a checkout and from a release.
// It changes content.
func stripVersion(content []byte) []byte {
	rest := content
	for range 3 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if bytes.HasPrefix(line, []byte("// protoc-gen-go-vtproto version: ")) {
			return slices.Delete(content, len(content)-len(rest), len(content)-len(after))
		}
		rest = after
	}
	return content
}

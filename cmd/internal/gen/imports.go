package gen

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// Options returns options with which protogen makes plugins for the generators of this package.
func Options() protogen.Options {
	return protogen.Options{ImportRewriteFunc: func(p protogen.GoImportPath) protogen.GoImportPath {
		return protogen.GoImportPath(originalPath(p))
	}}
}

// originalPath returns the import path that a package had before renameImports.
func originalPath(p protogen.GoImportPath) string {
	before, _, _ := strings.Cut(string(p), renamed)
	return before
}

// renamed is between the import path of a package and the name that renameImports makes up for it.
const renamed = "/import.invalid/"

// localNames matches the names of variables in generated code. A package of the same name, imported as it is called,
// would be hidden by them. Names of a letter and digits are counted; v1 and v2 are the names of many packages, and no
// code uses a package where it has such a variable.
var localNames = regexp.MustCompile(`^(?:[a-z]|[a-uw-z][0-9]+|` + strings.Join([]string{
	// those of stubs, in scopes that name messages
	"binder", "call", "ctx", "impl", "opts", "req",
	// those of vtprotobuf
	"bit[a-zA-Z]*", "buf", "base[A-Z]", "byteLen", "count", "dAtA", "elementCount", "elt", "encoded", "entryPreIndex",
	"err", "field", "fieldNum", "groupFieldWire", "groupStart", "groupWireType", "iNdEx", "int[A-Z][a-zA-Z]*",
	"integer", "key",
	"map[a-z][a-zA-Z]*", "maybeGroupEnd", "msg", "msglen", "num", "num1", "ok", "oneof", "packedLen", "pksize[0-9]+",
	"post[a-zA-Z]*Index[a-z]*", "preIndex", "shift", "size", "skippy", "string[A-Z][a-zA-Z]*", "temp", "tmp[a-zA-Z]*",
	"unmarshal", "value", "vtmsg", "wire", "wireType",
	// Go does not import a package under this one
	"init",
}, "|") + `)$`)

// messageNames is localNames for the code of messages. Only what would not compile is different from protoc-gen-go's.
var messageNames = regexp.MustCompile("^(?:x|v|b|i|b0|m0|mi|ms|ok|rv|sv|init)$")

// renameImports has generated code import packages whose names are those of its variables, which local matches, under
// others: wire as wirepb. It gives them other import paths; the generators take a package's name from its path, and the
// path is put right where imports are written, see Options. What it renamed before for other variables gets its path
// back.
func renameImports(plugin *protogen.Plugin, local *regexp.Regexp) {
	for _, file := range plugin.Files {
		original := originalPath(file.GoImportPath)
		after := protogen.GoImportPath(original)
		if name := path.Base(original); local.MatchString(name) {
			after += renamed + protogen.GoImportPath(name) + "pb"
		}
		if after == file.GoImportPath {
			continue
		}
		file.GoImportPath = after
		file.GoDescriptorIdent.GoImportPath = after
		moveEnums(file.Enums, after)
		moveMessages(file.Messages, after)
		moveFields(file.Extensions, after)
	}
}

func moveMessages(messages []*protogen.Message, to protogen.GoImportPath) {
	for _, m := range messages {
		m.GoIdent.GoImportPath = to
		for _, o := range m.Oneofs {
			o.GoIdent.GoImportPath = to
		}
		moveFields(slices.Concat(m.Fields, m.Extensions), to)
		moveEnums(m.Enums, to)
		moveMessages(m.Messages, to)
	}
}

func moveFields(fields []*protogen.Field, to protogen.GoImportPath) {
	for _, f := range fields {
		f.GoIdent.GoImportPath = to
	}
}

func moveEnums(enums []*protogen.Enum, to protogen.GoImportPath) {
	for _, e := range enums {
		e.GoIdent.GoImportPath = to
		for _, v := range e.Values {
			v.GoIdent.GoImportPath = to
		}
	}
}

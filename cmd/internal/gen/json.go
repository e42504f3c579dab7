package gen

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/gofeaturespb"
)

const (
	jsonwirePackage = protogen.GoImportPath("github.com/fairlead-go/fairlead/jsonwire")

	// jsonSuffix ends the names of the files with the JSON form of messages.
	jsonSuffix = "_json.fl.go"
)

// The methods that messages get.
const (
	appendJSON = "AppendProtoJSON"
	parseJSON  = "ParseProtoJSON"
)

// jsonNames matches the names of variables in the code of JSON, see localNames.
var jsonNames = regexp.MustCompile(`^(?:[dekmv]|dst|list|more|ok|seen|size|init)$`)

// JSON adds to plugin a file for each file that is to be generated and has messages: their methods AppendProtoJSON and
// ParseProtoJSON, which write and read ProtoJSON without reflection. It returns notes on messages that get none and are
// left to protojson.
//
// The plugin must be one that Options made.
func JSON(plugin *protogen.Plugin) (notes []string, err error) {
	renameImports(plugin, jsonNames)
	book, err := readJSON(plugin)
	if err != nil {
		return nil, err
	}
	for _, file := range plugin.Files {
		if !file.Generate || len(book.messages[file]) == 0 {
			continue
		}
		out := plugin.NewGeneratedFile(file.GeneratedFilenamePrefix+jsonSuffix, file.GoImportPath)
		if _, err := out.Write(book.generate(out, file)); err != nil {
			return nil, err
		}
	}
	return book.notes, nil
}

// json writes the JSON form of messages. The code is written with its indentation, so that nothing formats it: only its
// head, with the imports, goes through protogen.
func (r *run) json() error {
	plugin := r.fork()
	r.expect(jsonSuffix)
	renameImports(plugin, jsonNames)
	book, err := readJSON(plugin)
	if err != nil {
		return err
	}
	r.notes = append(r.notes, book.notes...)
	for _, file := range r.generated() {
		if len(book.messages[file]) == 0 {
			continue
		}
		one := r.fork()
		out := one.NewGeneratedFile(file.GeneratedFilenamePrefix+jsonSuffix, file.GoImportPath)
		body := book.generate(out, file)
		heads, err := r.formatted(one)
		if err != nil {
			return err
		}
		if err := r.add(heads[0].Name, append(heads[0].Content, body...)); err != nil {
			return err
		}
	}
	return nil
}

// jsonBook has what is known of the messages that a plugin knows.
type jsonBook struct {
	messages map[*protogen.File][]*jsonMessage
	direct   map[*protogen.Message]bool // they get the methods in this run
	notes    []string
}

// jsonMessage is a message that gets the methods.
type jsonMessage struct {
	*protogen.Message

	fields []jsonField
	bits   int // of fields and oneofs that were seen
}

// jsonField is a field of such a message.
type jsonField struct {
	*protogen.Field

	json  string   // its name
	proto string   // its original name
	names []string // that a decoder takes
	bit   int
	form  jsonForm
}

// readJSON finds the messages that get the methods, and reads their options.
func readJSON(plugin *protogen.Plugin) (*jsonBook, error) {
	book := &jsonBook{messages: make(map[*protogen.File][]*jsonMessage), direct: make(map[*protogen.Message]bool)}
	var problems Problems
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		eachMessage(file.Messages, func(m *protogen.Message) {
			if reason := unfitForJSON(m); reason != "" {
				if reason != silent {
					book.notes = append(book.notes, fmt.Sprintf("%s: without generated JSON: %s", position(m.Desc), reason))
				}
				return
			}
			book.direct[m] = true
			book.messages[file] = append(book.messages[file], readJSONMessage(m, &problems))
		})
	}
	return book, problems.err()
}

// silent is a reason that nobody needs to know.
const silent = "-"

// unfitForJSON returns why a message is left to protojson, "" when it is not.
func unfitForJSON(m *protogen.Message) string {
	options, _ := m.Desc.Options().(*descriptorpb.MessageOptions)
	switch {
	case wellKnown(m) != "":
		return silent // the codec knows it
	case options.GetMessageSetWireFormat():
		return string(m.Desc.FullName()) + " is a message set"
	}
	for _, f := range m.Fields {
		if name := f.Desc.JSONName(); name != "" && (name[0] == '@' || name[0] == '[') {
			return string(f.Desc.FullName()) + " has the name " + name + " in JSON, which may be a type's or an extension's"
		}
	}
	if m.APILevel == gofeaturespb.GoFeatures_API_OPAQUE {
		return "" // what is hidden has another name
	}
	taken := func(goName string) bool { return goName == appendJSON || goName == parseJSON }
	for _, f := range m.Fields {
		if !isMember(f) && taken(f.GoName) {
			return string(f.Desc.FullName()) + " has the name of its method " + f.GoName
		}
	}
	for _, o := range m.Oneofs {
		if !o.Desc.IsSynthetic() && taken(o.GoName) {
			return string(o.Desc.FullName()) + " has the name of its method " + o.GoName
		}
	}
	return ""
}

func readJSONMessage(m *protogen.Message, problems *Problems) *jsonMessage {
	out := &jsonMessage{Message: m, fields: make([]jsonField, len(m.Fields))}
	form := messageForm(m)
	taken := make(map[string]bool, 2*len(m.Fields))
	for i, f := range m.Fields {
		field := jsonField{Field: f, json: f.Desc.JSONName(), proto: f.Desc.TextName(), bit: i}
		field.form = form.with(fieldForm(f, problems))
		if !taken[field.json] { // with features.json_format = LEGACY_BEST_EFFORT the first one has it
			taken[field.json] = true
			field.names = append(field.names, field.json)
		}
		out.fields[i] = field
	}
	for i := range out.fields { // the names in JSON come first
		f := &out.fields[i]
		if !taken[f.proto] {
			taken[f.proto] = true
			f.names = append(f.names, f.proto)
		}
	}
	out.bits = len(m.Fields) + len(m.Oneofs)
	return out
}

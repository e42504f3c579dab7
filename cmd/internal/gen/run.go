package gen

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/gofeaturespb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Config says what Run generates and where it goes.
type Config struct {
	// StubConfig is for the stubs.
	StubConfig

	// Messages generates what protoc-gen-go does, name.pb.go.
	Messages bool
	// VT generates vtprotobuf's marshal, unmarshal and size methods, name_vtproto.pb.go, for the files that vtprotobuf
	// can do.
	VT bool
	// Stubs generates the services and the errors that the contract declares, name.fl.go.
	Stubs bool
	// JSON generates the JSON form of messages, name_json.fl.go.
	JSON bool
	// Validate generates the rules of messages, name_validate.fl.go, for the files that have some.
	Validate bool
	// OpenAPI writes an OpenAPI document for each package with HTTP rules, package.openapi.json.
	OpenAPI bool

	// ImportPaths places files by the Go import path of their package instead of beside the contract.
	ImportPaths bool
	// Module is a prefix that is cut from import paths; "" for none. Only with ImportPaths.
	Module string
	// Packages maps names of files to Go import paths, in place of their go_package options.
	Packages map[string]string

	// Decoded means that the files come from decoding, and that nobody else has them: Run takes them as they are, and
	// changes them. Others are encoded and decoded first.
	Decoded bool
	// Inspect is called with the files to generate for, before anything is generated; when it returns false, nothing
	// is. nil: there is nothing to inspect.
	Inspect func(files []*protogen.File) bool
}

// File is a generated file.
type File struct {
	Name    string // path with slashes, relative to the output directory
	Content []byte // nil: nothing is generated under this name, and what an earlier run left there is stale
}

// Output is the result of Run.
type Output struct {
	Files []File // by name
	// Notes say what was left out, and why.
	Notes []string
	// Warnings are about HTTP rules, most of them left out.
	Warnings Problems
}

// Run generates code for the files called names; files holds these and all that they import, in the order of
// dependency. The output depends on nothing but the arguments and the versions of the generators.
func Run(files []*descriptorpb.FileDescriptorProto, names []string, cfg Config) (*Output, error) {
	request, err := cfg.request(files, names)
	if err != nil {
		return nil, err
	}
	plugin, err := Options().New(request)
	if err != nil {
		return nil, err
	}
	r := run{plugin: plugin, contents: make(map[string][]byte)}
	if cfg.ImportPaths {
		r.module = cfg.Module
	}
	if cfg.Inspect != nil && !cfg.Inspect(r.generated()) {
		return new(Output), nil
	}
	if err := r.all(&cfg); err != nil {
		return nil, err
	}
	out := &Output{Notes: r.notes, Warnings: r.warnings}
	for _, name := range slices.Sorted(maps.Keys(r.contents)) {
		out.Files = append(out.Files, File{Name: name, Content: r.contents[name]})
	}
	return out, nil
}

// MissingPackages returns the names of the files of which nothing says what Go package they belong to.
func MissingPackages(files []*descriptorpb.FileDescriptorProto, packages map[string]string) []string {
	var missing []string
	for _, file := range files {
		if file.GetOptions().GetGoPackage() == "" && packages[file.GetName()] == "" {
			missing = append(missing, file.GetName())
		}
	}
	return missing
}

// request returns a CodeGeneratorRequest. It is encoded and decoded, as protoc would hand it over: the compiler's
// descriptors hold extensions such as the editions' features for Go as types of its own, which the generators would not
// find; decoding resolves them again.
func (cfg *Config) request(
	files []*descriptorpb.FileDescriptorProto, names []string,
) (*pluginpb.CodeGeneratorRequest, error) {
	params := []string{"paths=source_relative"}
	if cfg.ImportPaths {
		params[0] = "paths=import"
		if cfg.Module != "" {
			params = append(params, "module="+cfg.Module)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(cfg.Packages)) {
		param := "M" + file + "=" + cfg.Packages[file]
		if strings.Contains(param, ",") {
			return nil, fmt.Errorf("mapping %s: a comma cannot be part of it", param)
		}
		params = append(params, param)
	}
	parameter := strings.Join(params, ",")
	plain := make([]*descriptorpb.FileDescriptorProto, len(files))
	for i, file := range files {
		plain[i] = withPlainComments(file)
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names, Parameter: &parameter, ProtoFile: plain}
	if cfg.Decoded {
		return request, nil
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return nil, err
	}
	request = new(pluginpb.CodeGeneratorRequest)
	return request, proto.Unmarshal(encoded, request)
}

// run collects the output of several generators.
type run struct {
	plugin   *protogen.Plugin
	module   string // is cut from the names of files; "" for none
	contents map[string][]byte
	notes    []string
	warnings Problems
}

// generated returns the files to generate for.
func (r *run) generated() []*protogen.File {
	return slices.DeleteFunc(slices.Clone(r.plugin.Files), func(file *protogen.File) bool { return !file.Generate })
}

// all runs the generators. That of messages comes behind those that need what it takes from the files, and
// vtprotobuf's, which orders the fields of messages by their numbers, is the last one.
func (r *run) all(cfg *Config) error {
	var messages, fast, rules, stubs, form, documents error
	if cfg.Validate {
		rules = r.step(validateSuffix, Validations)
	}
	if cfg.Stubs {
		stubs = r.step(stubSuffix, func(p *protogen.Plugin) (err error) {
			r.warnings, err = Services(p, cfg.StubConfig)
			return err
		})
	}
	if cfg.JSON {
		form = r.json()
	}
	if cfg.OpenAPI && stubs == nil {
		documents = r.openAPI(cfg.Stubs)
	}
	if cfg.Messages {
		messages = r.messages()
	}
	if cfg.VT {
		fast = r.vt()
	}
	return errors.Join(messages, fast, rules, stubs, form, documents)
}

// step runs one generator, whose files end in suffix.
func (r *run) step(suffix string, generate func(*protogen.Plugin) error) error {
	plugin := r.fork()
	r.expect(suffix)
	if err := generate(plugin); err != nil {
		return err
	}
	return r.addAll(plugin)
}

// vt runs vtprotobuf's generator.
func (r *run) vt() error {
	r.expect(vtSuffix)
	plugin := r.fork()
	notes, err := vt(plugin)
	if err != nil {
		return err
	}
	r.notes = append(r.notes, notes...)
	return r.addAll(plugin)
}

// fork returns a plugin for one generator, which shares the files with the others and has an output of its own.
func (r *run) fork() *protogen.Plugin {
	fork := *r.plugin
	return &fork
}

// addAll adds the files that a plugin holds.
func (r *run) addAll(plugin *protogen.Plugin) error {
	files, err := r.formatted(plugin)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := r.add(file.Name, file.Content); err != nil {
			return err
		}
	}
	return nil
}

// formatted returns the files that a plugin holds.
func (r *run) formatted(plugin *protogen.Plugin) ([]File, error) {
	printed, ok := printedFiles(plugin)
	files := make([]File, len(printed))
	for i, file := range printed {
		content, err := file.formatted()
		ok = ok && err == nil && strings.HasPrefix(file.name, r.prefix())
		if !ok {
			break
		}
		files[i] = File{r.below(file.name), content}
	}
	if ok {
		return files, nil
	}
	response := plugin.Response() // it formats them, or says what is wrong with them
	if response.Error != nil {
		return nil, notGo(plugin, response.GetError())
	}
	files = make([]File, len(response.File))
	for i, file := range response.File {
		files[i] = File{file.GetName(), []byte(file.GetContent())}
	}
	return files, nil
}

// notGo turns the error of a plugin into one that names the contract and is without the generated code, which protogen
// adds to it.
func notGo(plugin *protogen.Plugin, text string) error {
	name, reason, unparsable := strings.Cut(text, ": unparsable Go source: ")
	if !unparsable {
		return errors.New(text)
	}
	reason, _, _ = strings.Cut(reason, "\n")
	for _, file := range plugin.Files {
		if file.Generate && strings.HasPrefix(name, file.GeneratedFilenamePrefix) {
			return Problems{{File: file.Desc.Path(), Text: "what was generated, " + path.Base(name) + ", is not Go (" + reason +
				"): a fault of the generator, please report it; renaming may help"}}
		}
	}
	return errors.New(name + ": what was generated is not Go: " + reason)
}

// expect notes that the files to generate have outputs that end in suffix, or else none: those of an earlier run are
// stale.
func (r *run) expect(suffix string) {
	for _, file := range r.generated() {
		// Another step may have written it: a.proto's rules go where the stubs of a_validate.proto would.
		if name := r.below(file.GeneratedFilenamePrefix + suffix); r.contents[name] == nil {
			r.contents[name] = nil
		}
	}
}

// add adds a file that was generated.
func (r *run) add(name string, content []byte) error {
	if r.contents[name] != nil {
		end := strings.TrimSuffix(name, stubSuffix)
		return fmt.Errorf("%s: two generators would write it; rename a contract whose name ends in %s", name,
			end[max(strings.LastIndexByte(end, '_'), 0):])
	}
	r.contents[name] = stripVersion(content)
	return nil
}

// prefix returns what the names of all files begin with, and what protogen cuts from them.
func (r *run) prefix() string {
	if r.module == "" {
		return ""
	}
	return r.module + "/"
}

// below cuts the module from name, as protogen does with the names of the files that it returns.
func (r *run) below(name string) string { return strings.TrimPrefix(name, r.prefix()) }

// opaqueSuffix ends the names of the second files that protoc-gen-go makes of contracts with the hybrid API.
const opaqueSuffix = "_protoopaque.pb.go"

// messages runs protoc-gen-go. It takes each file from the generator as soon as it is written: together they are the
// largest part of all output, and the generator would hold them twice.
func (r *run) messages() error {
	renameImports(r.plugin, messageNames)
	r.expect(".pb.go")
	r.expect(opaqueSuffix)
	for _, file := range r.generated() {
		if file.APILevel == gofeaturespb.GoFeatures_API_HYBRID { // two files
			plugin := r.fork()
			internal_gengo.GenerateFile(plugin, file)
			if err := r.addAll(plugin); err != nil {
				return err
			}
			continue
		}
		made, err := r.messagesOf(file)
		if err != nil {
			return err
		}
		if err := r.add(made.Name, made.Content); err != nil {
			return err
		}
	}
	return nil
}

package gen

import (
	"cmp"
	"path"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/openapi"
)

// openAPISuffix ends the names of OpenAPI documents.
const openAPISuffix = ".openapi.json"

// openAPI writes a document for the services of each package that have HTTP rules: package.openapi.json, where the code
// of the package goes. What is wrong with the contract and what there is to warn of is said here unless the stubs did.
func (r *run) openAPI(said bool) error {
	var warnings, problems Problems
	bindings := readBindings(r.plugin, &warnings)
	reasons := readReasons(r.plugin, &problems)
	if !said {
		warnings.sort()
		r.warnings = append(r.warnings, warnings...)
		if err := problems.err(); err != nil {
			return err
		}
	}
	var names []string
	sets := make(map[string]*openapi.Set)
	for _, file := range byPath(r.plugin) {
		if !file.Generate {
			continue
		}
		name := r.below(documentName(file))
		set := sets[name]
		if set == nil {
			set = &openapi.Set{Package: string(file.Desc.Package())}
			sets[name] = set
			names = append(names, name)
		}
		for _, service := range file.Services {
			for _, m := range service.Methods {
				status := readMethodOptions(m, new(Problems)).httpStatus
				for _, b := range bindings[m] {
					set.Bindings = append(set.Bindings, b.described(m, cmp.Or(status, minSuccess)))
				}
			}
		}
		for _, reason := range reasons[file] {
			set.Errors = append(set.Errors, reason.described())
		}
	}
	for _, name := range names {
		if len(sets[name].Bindings) == 0 {
			r.contents[name] = nil // that of an earlier run is stale
			continue
		}
		document, notes, err := openapi.Document(*sets[name])
		if err != nil {
			return err
		}
		r.notes = append(r.notes, notes...)
		if err := r.add(name, document); err != nil {
			return err
		}
	}
	return nil
}

// documentName returns the name of the document with a file's services.
func documentName(file *protogen.File) string {
	name := string(file.Desc.Package())
	if name == "" {
		name = path.Base(file.GeneratedFilenamePrefix)
	}
	return path.Join(path.Dir(file.GeneratedFilenamePrefix), name+openAPISuffix)
}

// described returns a rule of m, whose success has that status, for a document.
func (b *binding) described(m *protogen.Method, status int) openapi.Binding {
	d := openapi.Binding{Method: m.Desc, Verb: b.verb, Template: b.parsed, Whole: b.whole, Status: status}
	for _, p := range b.path {
		d.Path = append(d.Path, p.descriptors())
	}
	for _, p := range b.query {
		d.Query = append(d.Query, p.descriptors())
	}
	if b.body != nil {
		d.Body = b.body.Desc
	}
	if b.result != nil {
		d.Result = b.result.Desc
	}
	return d
}

func (p fieldPath) descriptors() []protoreflect.FieldDescriptor {
	all := make([]protoreflect.FieldDescriptor, len(p))
	for i, f := range p {
		all[i] = f.Desc
	}
	return all
}

// described returns a declared error for a document.
func (r *reason) described() openapi.Error {
	status := int(r.httpStatus)
	if status == 0 {
		status = r.code.HTTPStatus()
	}
	return openapi.Error{
		Value: r.value.Desc, Domain: r.domain, Reason: r.name, Code: int32(r.code), Status: status,
		Message: r.message, RetryAfter: r.retryAfter,
	}
}

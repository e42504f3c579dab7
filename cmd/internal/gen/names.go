package gen

import (
	"cmp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/compiler/protogen"
)

// serviceNames are the names in Go of what is generated for a service.
type serviceNames struct {
	stem       string
	implement  string // func Greeter
	serverType string // type GreeterServer
	clientType string // type GreeterClient
	callerType string // type GreeterCaller
	construct  string // func NewGreeterClient
	descriptor string // var GreeterService

	unimplemented string // type UnimplementedGreeterServer
}

func namesFrom(stem string) serviceNames {
	return serviceNames{
		stem:       stem,
		implement:  stem,
		serverType: stem + "Server",
		clientType: stem + "Client",
		callerType: stem + "Caller",
		construct:  "New" + stem + "Client",
		descriptor: stem + "Service",

		unimplemented: "Unimplemented" + stem + "Server",
	}
}

// method returns the name of m's descriptor.
func (n *serviceNames) method(m *protogen.Method) string { return n.stem + m.GoName + "Method" }

func (n *serviceNames) all(service *protogen.Service) []string {
	names := make([]string, 0, 7+len(service.Methods))
	names = append(names, n.implement, n.serverType, n.unimplemented, n.clientType, n.callerType, n.construct,
		n.descriptor)
	for _, m := range service.Methods {
		names = append(names, n.method(m))
	}
	return names
}

// takenNames returns the names that the code of messages and enums takes, in the files that plugin generates and those
// that they import.
func takenNames(plugin *protogen.Plugin, cfg StubConfig) map[protogen.GoIdent]bool {
	taken := make(map[protogen.GoIdent]bool)
	for _, file := range plugin.Files {
		takeEnums(taken, file.Enums)
		takeFields(taken, file.Extensions)
		takeMessages(taken, file.Messages)
		if cfg.BesideGRPC || cfg.BesidePackages[originalPath(file.GoImportPath)] {
			takeGRPC(taken, file)
		}
	}
	return taken
}

// nameServices names all services that plugin knows, those of imported files as well, because what they took is taken.
func nameServices(plugin *protogen.Plugin, taken map[protogen.GoIdent]bool) map[*protogen.Service]serviceNames {
	named := make(map[*protogen.Service]serviceNames)
	for _, file := range byPath(plugin) {
		for _, service := range file.Services {
			named[service] = nameService(taken, file.GoImportPath, service)
		}
	}
	return named
}

// byPath returns the files that plugin knows in the order of their names, which does not depend on what imports what.
func byPath(plugin *protogen.Plugin) []*protogen.File {
	return slices.SortedFunc(slices.Values(plugin.Files), func(a, b *protogen.File) int {
		return cmp.Compare(a.Desc.Path(), b.Desc.Path())
	})
}

func nameService(taken map[protogen.GoIdent]bool, pkg protogen.GoImportPath, service *protogen.Service) serviceNames {
	for n := 0; ; n++ {
		stem := service.GoName
		switch {
		case n == 1:
			stem += "RPC"
		case n > 1:
			stem += "RPC" + strconv.Itoa(n)
		}
		names := namesFrom(stem)
		all := names.all(service)
		if slices.ContainsFunc(all, func(name string) bool { return taken[pkg.Ident(name)] }) {
			continue
		}
		for _, name := range all {
			taken[pkg.Ident(name)] = true
		}
		return names
	}
}

func takeMessages(taken map[protogen.GoIdent]bool, messages []*protogen.Message) {
	for _, m := range messages {
		taken[m.GoIdent] = true
		taken[m.GoIdent.GoImportPath.Ident(m.GoIdent.GoName+"_builder")] = true
		for _, oneof := range m.Oneofs {
			takeFields(taken, oneof.Fields)
		}
		takeEnums(taken, m.Enums)
		takeFields(taken, m.Extensions)
		takeMessages(taken, m.Messages)
	}
}

// takeGRPC takes those names of protoc-gen-go-grpc's code that ours may have.
func takeGRPC(taken map[protogen.GoIdent]bool, file *protogen.File) {
	for _, service := range file.Services {
		ours := namesFrom(service.GoName)
		for _, name := range []string{ours.clientType, ours.construct, ours.serverType, ours.unimplemented} {
			taken[file.GoImportPath.Ident(name)] = true
		}
	}
}

// takeFields takes the names of the wrappers of oneof fields, and those of extensions.
func takeFields(taken map[protogen.GoIdent]bool, fields []*protogen.Field) {
	for _, f := range fields {
		name := f.GoIdent
		if f.Desc.IsExtension() {
			name.GoName = "E_" + name.GoName
		}
		taken[name] = true
	}
}

func takeEnums(taken map[protogen.GoIdent]bool, enums []*protogen.Enum) {
	for _, e := range enums {
		pkg, name := e.GoIdent.GoImportPath, e.GoIdent.GoName
		taken[e.GoIdent] = true
		taken[pkg.Ident(name+"_name")] = true
		taken[pkg.Ident(name+"_value")] = true
		for _, v := range e.Values {
			taken[v.GoIdent] = true
		}
	}
}

// checkMethods reports methods of a service that are told apart in the contract and not in Go.
func checkMethods(plugin *protogen.Plugin, problems *Problems) {
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		for _, service := range file.Services {
			first := make(map[string]*protogen.Method)
			for _, m := range service.Methods {
				if other := first[m.GoName]; other != nil {
					problems.add(m.Desc, nil, "methods %s and %s of %s are both %s in Go; rename one",
						other.Desc.Name(), m.Desc.Name(), service.Desc.FullName(), m.GoName)
					continue
				}
				first[m.GoName] = m
			}
		}
	}
}

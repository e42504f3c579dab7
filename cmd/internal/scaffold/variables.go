package scaffold

import (
	"errors"
	"fmt"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/fairlead-go/fairlead/cmd/internal/platform"
)

// Variables are the values that templates can use, as {{.Name}} and so on. The tags are their descriptions in the help.
type Variables struct {
	Name         string `doc:"the service, as the user wrote it: order-history"`
	Title        string `doc:"the same at the begin of a sentence: Order-history"`
	Module       string `doc:"path of the Go module: example.com/order-history"`
	ProtoPackage string `doc:"package of the contract: order_history.v1"`
	ProtoDir     string `doc:"the contract's directory below api/, without the version: order_history"`
	ProtoFile    string `doc:"the contract's file: order_history.proto"`
	GoPackage    string `doc:"name of the generated code's Go package: orderhistoryv1"`
	Service      string `doc:"the service in the contract: OrderHistoryService"`
	EnvPrefix    string `doc:"what environment variables begin with: ORDER_HISTORY"`

	Internal   string `doc:"directory of the service's own packages: internal"`
	ConfigFile string `doc:"the file with the configuration: config.yaml"`
	Dockerfile string `doc:"the file that says how the image is built: Dockerfile"`
	Deploy     string `doc:"directory of the manifests: deploy/kubernetes"`

	Contract string            `doc:"what --contract names; empty without it, and then GoPackage and all of Proto are set"`
	Roots    []string          `doc:"directories in which imports of the contracts are looked for"`
	Inputs   []string          `doc:"the contracts: files and directories"`
	Map      map[string]string `doc:"Go packages of contracts, by file, in place of their own"`
	Services []Service         `doc:"services, each with Name, Package, Path, Construct, Type and Make"`
	Packages []Package         `doc:"Go packages of the services, each with Name and Path"`
	Requires []string          `doc:"modules that generated code needs, with their versions"`

	Standard         bool `doc:"health and reflection are added, because the contract has neither"`
	ServesHealth     bool `doc:"the contract has grpc.health.v1.Health"`
	ServesReflection bool `doc:"the contract has a grpc.reflection service"`

	Port         int    `doc:"port of the service"`
	AdminPort    int    `doc:"port for operators"`
	Address      string `doc:"address of the service on a developer's machine: 127.0.0.1:8080"`
	AdminAddress string `doc:"address for operators on a developer's machine: 127.0.0.1:8081"`

	SettleSeconds int `doc:"time in Kubernetes between saying that the process stops and stopping"`
	DrainSeconds  int `doc:"time to stop, SettleSeconds included"`
	GraceSeconds  int `doc:"time after which Kubernetes kills the process"`

	GoVersion       string `doc:"the Go release that the command was built with: 1.26.8"`
	FairleadVersion string `doc:"version of the framework, as go.mod has it"`
	Checkout        string `doc:"directory of a checkout that the framework comes from; empty with a released version"`
}

// Service is a service of the project. Its name in the contract comes first, then what it is in Go.
type Service struct {
	Name      string // shop.v1.ShopService
	Package   string // name by which files import the package of its stubs: shopv1
	Path      string // import path of that package
	Construct string // the function that takes an implementation: ShopService
	Type      string // the type that implements it: Service
	Make      string // the expression that makes one: service.New(cfg.MaxItems)
}

// Package is a Go package and the name by which files import it.
type Package struct{ Name, Path string }

// What all projects begin with.
const (
	port          = 8080
	settleSeconds = 5
	drainSeconds  = 25
	graceSeconds  = 30 // Kubernetes' default
)

// newVariables derives the Variables from a service's name and a module's path, "" for one made from the name. It
// returns all that is wrong with the two.
func newVariables(name, modulePath string) (Variables, error) {
	if modulePath == "" {
		modulePath = "example.com/" + name
	}
	if err := checkName(name); err != nil {
		return Variables{}, err
	}
	if err := checkModule(modulePath); err != nil {
		return Variables{}, err
	}
	words := strings.Split(name, "-")
	var camel strings.Builder
	for _, w := range words {
		camel.WriteString(title(w))
	}
	snake := strings.Join(words, "_")
	v := Variables{
		Name:         name,
		Title:        title(name),
		Module:       modulePath,
		ProtoPackage: snake + ".v1",
		ProtoDir:     snake,
		ProtoFile:    snake + ".proto",
		GoPackage:    strings.Join(words, "") + "v1",
		Service:      strings.TrimSuffix(camel.String(), "Service") + "Service",
		EnvPrefix:    strings.ToUpper(snake),

		Internal:   "internal",
		ConfigFile: "config.yaml",
		Dockerfile: "Dockerfile",
		Deploy:     "deploy/kubernetes",
		Standard:   true,

		SettleSeconds: settleSeconds,
		DrainSeconds:  drainSeconds,
		GraceSeconds:  graceSeconds,
	}
	v.setPorts(port)
	stubs := modulePath + "/api/" + v.ProtoDir + "/v1"
	v.Packages = []Package{{v.GoPackage, stubs}}
	v.Services = []Service{{
		Name: v.ProtoPackage + "." + v.Service, Package: v.GoPackage, Path: stubs, Construct: v.Service,
		Type: "Service", Make: "service.New(cfg.MaxItems)",
	}}
	for _, d := range dependencies() {
		switch d.path {
		case "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go", // what requests may be
			"google.golang.org/genproto/googleapis/api": // the paths of REST
			v.Requires = append(v.Requires, d.path+" "+d.version)
		}
	}
	return v, nil
}

// setPorts sets the ports of the service, of which n is the first, and the addresses with them.
func (v *Variables) setPorts(n int) {
	v.Port, v.AdminPort = n, n+1
	v.Address, v.AdminAddress = fmt.Sprintf("127.0.0.1:%d", v.Port), fmt.Sprintf("127.0.0.1:%d", v.AdminPort)
}

func title(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// maxName leaves room for what Kubernetes appends to names, which may have 63 characters.
const maxName = 40

var (
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	notInName = regexp.MustCompile(`[^a-z0-9]+`)
)

// checkName returns an error that says what is wrong with the name of a service, and which name would do.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("name %q: is a path; name the service alone, and say with --dir where it is to be and with "+
			"--module what its module is called", name)
	case !nameForm.MatchString(name):
		hint := ""
		if better := suggest(name); better != "" {
			hint = ", such as " + better
		}
		return fmt.Errorf("name %q: must be lower-case letters a to z and digits, words joined by single hyphens, "+
			"with a letter first%s; contracts, Go packages, environment variables and Kubernetes' names are made of it",
			name, hint)
	case len(name) > maxName:
		return fmt.Errorf("name %q: has %d characters, may have %d", name, len(name), maxName)
	case platform.Restricts(strings.ReplaceAll(name, "-", "_") + ".pb.go"):
		return fmt.Errorf("name %q: Go compiles files whose names end so for one platform alone; take another, such as "+
			"%s-service", name, name)
	case token.IsKeyword(name):
		return fmt.Errorf("name %q: is a keyword of Go; take a longer name, such as %s-service", name, name)
	}
	if why, ok := reserved()[name]; ok {
		return fmt.Errorf("name %q: %s; take another, such as my-%s", name, why, name)
	}
	return nil
}

// suggest returns the name that is nearest to one that is none, "" when there is nothing left of it.
func suggest(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if before := name[:i]; before != "" && before[i-1] >= 'a' && before[i-1] <= 'z' {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		if r > 0x7f {
			return "" // what it would be in Latin letters is not for a program to say
		}
		b.WriteRune(r)
	}
	s := strings.Trim(notInName.ReplaceAllString(b.String(), "-"), "-")
	if s = strings.TrimLeft(s, "0123456789-"); len(s) > maxName || checkName(s) != nil {
		return ""
	}
	return s
}

// reserved returns names of the right form that would not work, each with the reason.
func reserved() map[string]string {
	list := map[string]string{
		"main":     "programs are called that by Go itself",
		"internal": "Go gives directories of this name a meaning",
		"vendor":   "Go gives directories of this name a meaning",
		"testdata": "Go passes over directories of this name",
		"test":     "a command of this name is part of every shell",
		"google":   "the package google is that of protobuf's own types",
		"grpc":     "the package grpc is that of gRPC's own services",
		"fairlead": "the package fairlead is that of the framework's own services",
	}
	for _, w := range []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"} {
		list[w] = "YAML takes the word for a value of its own"
	}
	for _, w := range []string{
		"syntax", "edition", "message", "enum", "service", "rpc", "returns", "stream", "option", "optional", "required",
		"repeated", "oneof", "extend", "extensions", "reserved", "group", "to", "max", "weak", "public",
		"double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
		"sfixed64", "bool", "string", "bytes",
	} {
		list[w] = "it is a word of the language of contracts"
	}
	return list
}

// checkModule returns an error that says what is wrong with the path of a module.
func checkModule(modulePath string) error {
	if err := module.CheckPath(modulePath); err != nil {
		if invalid, ok := errors.AsType[*module.InvalidPathError](err); ok {
			err = invalid.Err
		}
		return fmt.Errorf("--module %s: %w; a path is like example.com/shop", modulePath, err)
	}
	if modulePath == core || strings.HasPrefix(modulePath, core+"/") {
		return fmt.Errorf("--module %s: lies within the framework's own module", modulePath)
	}
	if elements := strings.Split(modulePath, "/"); slices.Contains(elements, "testdata") ||
		slices.Contains(elements, "vendor") || path.Base(modulePath) == "internal" {
		return fmt.Errorf("--module %s: Go gives directories called testdata, vendor and internal a meaning", modulePath)
	}
	return nil
}

// manual lists the fields of Variables with their meaning, a line each.
func manual() string {
	var b strings.Builder
	for f := range reflect.TypeFor[Variables]().Fields() {
		fmt.Fprintf(&b, "  %-16s %s\n", f.Name, f.Tag.Get("doc"))
	}
	return b.String()
}

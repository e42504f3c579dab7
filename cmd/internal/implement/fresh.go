package implement

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/fairlead-go/fairlead/cmd/internal/platform"
)

// waiting is a target for which new types are to be made. Which services they are for is known when all targets have
// been looked at.
type waiting struct {
	target          Target
	dir, importPath string
	services        []Service
}

// wait adds a target, unless it is there already.
func (p *planner) wait(t Target, dir, importPath string, services []Service) {
	t.Dir = dir
	if slices.ContainsFunc(p.waiting, func(w waiting) bool { return w.target == t }) {
		return
	}
	p.waiting = append(p.waiting, waiting{t, dir, importPath, services})
}

// settle makes the new types. A target that names no service gets those that no other target implements; of two such
// targets nothing says which gets what.
func (p *planner) settle() error {
	var open []string // directories of targets to which several services may belong
	for _, w := range p.waiting {
		if len(w.services) > 1 && !slices.Contains(open, w.dir) {
			open = append(open, w.dir)
		}
	}
	if len(open) > 1 {
		return fmt.Errorf("which of the services belongs to which directory? There are %s, and the directories %s; name "+
			"the service behind each, as in --implement %s:%s, or in fairlead.yaml",
			strings.Join(serviceNames(p.services), ", "), strings.Join(open, ", "), open[0], p.services[0].Name)
	}
	for _, w := range p.waiting {
		services := w.services
		if len(services) > 1 {
			services = slices.DeleteFunc(slices.Clone(services), func(s Service) bool { return p.places[s.Name] != "" })
		}
		if len(services) == 0 {
			taken := make([]string, len(w.services))
			for i, s := range w.services {
				taken[i] = s.Name + " in " + p.places[s.Name]
			}
			return fmt.Errorf("%s: the other directories implement all services (%s); name the one that belongs here too, "+
				"as in --implement %s:%s, or in fairlead.yaml",
				w.dir, strings.Join(taken, ", "), w.dir, w.services[0].Name)
		}
		if err := p.fresh(w.target, w.dir, w.importPath, services); err != nil {
			return err
		}
	}
	return nil
}

func serviceNames(services []Service) []string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	return names
}

// fresh plans a new type for each service, in a new file.
func (p *planner) fresh(t Target, dir, importPath string, services []Service) error {
	in, err := load(dir, importPath, p.names)
	if err != nil {
		return err
	}
	if in == nil {
		in = &pkg{dir: dir, path: importPath, name: packageFor(dir)}
		in.index()
	}
	if t.Type != "" && len(services) != 1 {
		return fmt.Errorf("%s: there is no type %s, and there are %d services; name the one that it is to implement, as in "+
			"--implement %s=%s:%s, or in fairlead.yaml", dir, t.Type, len(services), dir, t.Type, services[0].Name)
	}
	if t.Type != "" && !token.IsIdentifier(t.Type) {
		return fmt.Errorf("%s: %q cannot be the name of a type", dir, t.Type)
	}
	for i := range services {
		s := &services[i]
		typ := t.Type
		if typ == "" {
			typ = p.typeFor(in, s)
		}
		p.made[filepath.Join(in.dir, typ)] = true
		if err := p.writeNew(in, typ, s); err != nil {
			return err
		}
	}
	return nil
}

// writeNew plans a file with a type for s.
func (p *planner) writeNew(in *pkg, typ string, s *Service) error {
	path := p.freePath(in.dir, s)
	e := &edit{pkg: in, file: &file{path: path, pkg: in}, names: p.names}
	n := e.newNaming()
	qualify := func(name string) string { return spelled(`"`+s.ImportPath+`".`+name, n.name) }
	var body strings.Builder
	fmt.Fprintf(&body, "// %s implements %s.\ntype %s struct{}\n\n", typ, s.Name, typ)
	fmt.Fprintf(&body, "var _ %s = (*%s)(nil)\n", qualify(s.Interface), typ)
	receiver := receiverText{name: initial(typ), typ: "*" + typ}
	for _, m := range s.Methods {
		body.WriteString("\n" + methodText(receiver, s, m, n.name))
	}
	slices.SortFunc(n.added, func(a, b importLine) int { return strings.Compare(a.path, b.path) })
	text := "package " + in.name + "\n\n"
	switch len(n.added) {
	case 0:
	case 1:
		text += "import " + n.added[0].String() + "\n\n"
	default:
		text += "import (\n" + block(n.added, "\n") + ")\n\n"
	}
	text += body.String()
	if _, err := parse(path, []byte(text), p.names); err != nil {
		return fmt.Errorf("an implementation of %s cannot be written: %w", s.Name, err)
	}
	p.result.Changes = append(p.result.Changes, Change{
		Path: path, Content: []byte(text), New: true, Methods: methodNames(s.Methods),
	})
	p.findf(token.Position{Filename: path}, Note, "%s is new; hand it to the server: server.Service(%s.%s(&%s{}))",
		typ, s.Package, s.Construct, typ)
	return nil
}

// packageFor returns the name of a new package in dir.
func packageFor(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	name := strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9_]`).ReplaceAllString(filepath.Base(abs), ""))
	if !token.IsIdentifier(name) {
		return "service"
	}
	return name
}

// typeFor returns a name for a new type. Several services may be called the same, such as those of a contract's
// versions.
func (p *planner) typeFor(in *pkg, s *Service) string {
	base := s.Construct
	if in.name == "main" || in.path == s.ImportPath {
		base = string(unicode.ToLower(rune(base[0]))) + base[1:] + "Service"
	}
	name := base
	for i := 2; in.declares(name) || p.made[filepath.Join(in.dir, name)] || !token.IsIdentifier(name); i++ {
		name = fmt.Sprintf("%s%d", base, i)
	}
	return name
}

// freePath returns the path of a file that is not there.
func (p *planner) freePath(dir string, s *Service) string {
	base := snake(s.Construct)
	suffix := ""
	for n := 1; ; n++ {
		path := filepath.Join(dir, base+suffix+".go")
		if _, err := os.Lstat(path); err != nil && !p.planned(path) && !platform.Restricts(path) &&
			!strings.HasSuffix(path, "_test.go") {
			return path
		}
		if suffix = "_service"; n > 1 {
			suffix += strconv.Itoa(n)
		}
	}
}

func (p *planner) planned(path string) bool {
	for _, c := range p.result.Changes {
		if c.Path == path {
			return true
		}
	}
	return false
}

// snake returns "OrderBook" as "order_book".
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(rune(name[i-1])) && name[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

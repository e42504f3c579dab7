package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func packages() []Rule {
	return []Rule{
		{
			Rule: fails("PACKAGE_DEFINED", Packages,
				"names without a package collide with those of other contracts in one program"),
			Buf: true, Bad: `syntax = "proto3";`, Good: "syntax = \"proto3\";\npackage shop.cart.v1;",
			run: packageDefined,
		},
		{
			Rule: fails("PACKAGE_VERSION_SUFFIX", Packages,
				"an incompatible version needs a name beside the old one's, while both are in use"),
			Buf: true, Bad: "package shop.cart;", Good: "package shop.cart.v1;",
			Note: "Versions look like v1, v2beta1, v1p1alpha2 or v1test.", run: packageVersionSuffix,
		},
		{
			Rule: fails("PACKAGE_DIRECTORY_MATCH", Packages,
				"a reader who knows a package's name should know where its files are, and so should tools"),
			Buf: true, Bad: "package shop.cart.v1; in cart/cart.proto",
			Good: "package shop.cart.v1; in shop/cart/v1/cart.proto",
			Note: "The directory counts from the import root. When no root is named with --proto-path, nobody knows where " +
				"the contract's own directories begin, and it is enough that the path ends with the package's.",
			run: packageDirectoryMatch,
		},
		{
			Rule: fails("DIRECTORY_SAME_PACKAGE", Packages,
				"generators make one package of a directory, and fail when there are two in it"),
			Buf: true, Bad: "package shop.cart.v1; and package shop.order.v1; in one directory",
			Good: "one directory for each package", run: directorySamePackage,
		},
		{
			Rule: fails("PACKAGE_SAME_DIRECTORY", Packages,
				"a package that lies in two places becomes two packages in most languages"),
			Buf: true, Bad: "package shop.cart.v1; in the directories a and b", Good: "one directory for each package",
			run: packageSameDirectory,
		},
		{
			Rule: fails("PACKAGE_SAME_GO_PACKAGE", Packages,
				"files of one package use each other's types, which Go cannot when they are apart"),
			Buf: true, Bad: `option go_package = "a/cart"; and "b/cart" in files of one package`,
			Good: "the same go_package in all files of a package", run: packageSameGoPackage,
		},
		{
			Rule: fails("PACKAGE_NO_IMPORT_CYCLE", Packages,
				"languages such as Go do not allow packages that import each other"),
			Buf: true, Bad: "package a.v1; imports b.v1, which imports a.v1",
			Good: "what both need is in a package of its own", run: packageNoImportCycle,
		},
		{
			Rule: fails("STABLE_PACKAGE_NO_IMPORT_UNSTABLE", Packages,
				"what a stable package is made of has to be stable, too"),
			Buf: true, Bad: `import "shop/money/v1beta1/money.proto"; in package shop.cart.v1`,
			Good: `import "shop/money/v1/money.proto";`,
			Note: "Buf has this rule, but does not apply it by default.",
			run:  stablePackageNoImportUnstable,
		},
		{
			Rule: warns("PACKAGE_NO_IMPORT_UNVERSIONED", Packages,
				"a type without a version cannot change in a new version, since the old ones use it as well"),
			Bad:  "common.Money total = 1; in package shop.cart.v1",
			Good: "common.v1.Money total = 1;",
			Note: "Types of the package google.protobuf and of others below google are not meant, and neither are " +
				"packages from which only options are used.",
			run: packageNoImportUnversioned,
		},
		{
			Rule: fails("SYNTAX_SPECIFIED", Packages,
				"without it a file counts as proto2, which is hardly ever meant"),
			Buf: true, Bad: "package shop.cart.v1;", Good: "syntax = \"proto3\";\npackage shop.cart.v1;",
			run: syntaxSpecified,
		},
	}
}

func imports() []Rule {
	return []Rule{
		{
			Rule: fails("IMPORT_USED", Packages,
				"it makes every user of the file compile and link what it does not need"),
			Buf: true, Bad: `import "google/protobuf/any.proto"; without an Any`, Good: "imports of what is used",
			run: importUsed,
		},
		{
			Rule: fails("IMPORT_NO_PUBLIC", Packages,
				"where a type comes from cannot be seen any more, and generators treat it differently"),
			Buf: true, Bad: `import public "other.proto";`, Good: `import "other.proto";`, run: importNoPublic,
		},
		{
			Rule: fails("IMPORT_NO_WEAK", Packages,
				"weak imports work in no generator but Google's own, and there only for old messages"),
			Bad: `import weak "other.proto";`, Good: `import "other.proto";`, run: importNoWeak,
			Note: "Buf has a rule of this name that does nothing any more.",
		},
	}
}

func packageDefined(p *pass) {
	for _, f := range p.files {
		if f.pkg() == "" {
			p.reportFilef(f, nil, "the file declares no package")
		}
	}
}

func packageVersionSuffix(p *pass) {
	for _, f := range p.files {
		if f.pkg() != "" && version(f.pkg()) == "" {
			p.reportFilef(f, part(filePackage), "package %q should end with a version, as in %q", f.pkg(), f.pkg()+".v1")
		}
	}
}

func packageDirectoryMatch(p *pass) {
	for _, f := range p.files {
		if f.pkg() == "" {
			continue
		}
		want := directory(f.pkg())
		if f.dir() == want || !p.roots && strings.HasSuffix(f.dir(), "/"+want) {
			continue
		}
		p.reportFilef(f, part(filePackage), "the files of package %q should lie in the directory %q, not in %q",
			f.pkg(), want, f.dir())
	}
}

func directorySamePackage(p *pass) {
	byDir := group(p.files, (*file).dir)
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		packages := distinct(byDir[dir], (*file).pkg)
		if len(packages) < 2 {
			continue
		}
		for _, f := range byDir[dir] {
			p.reportFilef(f, part(filePackage), "the files in the directory %q are of several packages: %s",
				dir, list(packages))
		}
	}
}

func packageSameDirectory(p *pass) {
	byPackage := group(p.files, (*file).pkg)
	for _, pkg := range slices.Sorted(maps.Keys(byPackage)) {
		dirs := distinct(byPackage[pkg], (*file).dir)
		if len(dirs) < 2 {
			continue
		}
		for _, f := range byPackage[pkg] {
			p.reportFilef(f, part(filePackage), "the files of package %q lie in several directories: %s", pkg, list(dirs))
		}
	}
}

func packageSameGoPackage(p *pass) {
	goPackage := func(f *file) string { return f.proto.GetOptions().GetGoPackage() }
	byPackage := group(p.files, (*file).pkg)
	for _, pkg := range slices.Sorted(maps.Keys(byPackage)) {
		values := distinct(byPackage[pkg], goPackage)
		if len(values) < 2 || pkg == "" {
			continue
		}
		for _, f := range byPackage[pkg] {
			p.reportFilef(f, [][]int32{{fileOptions, optionGoPackage}, {filePackage}},
				"the files of package %q have different values of go_package: %s", pkg, list(values))
		}
	}
}

func packageNoImportCycle(p *pass) {
	imports := make(map[string]map[string]bool)
	for _, f := range p.byName {
		for _, name := range f.proto.GetDependency() {
			to := p.byName[name]
			if to == nil || to.pkg() == f.pkg() || f.pkg() == "" || to.pkg() == "" {
				continue
			}
			if imports[f.pkg()] == nil {
				imports[f.pkg()] = make(map[string]bool)
			}
			imports[f.pkg()][to.pkg()] = true
		}
	}
	inOrder := make(map[string][]string, len(imports))
	for pkg, to := range imports {
		inOrder[pkg] = slices.Sorted(maps.Keys(to))
	}
	groups := findCycles(slices.Collect(maps.Keys(inOrder)), func(pkg string) []string { return inOrder[pkg] })
	for _, f := range p.files {
		for i, name := range f.proto.GetDependency() {
			to := p.byName[name]
			if to == nil || !imports[f.pkg()][to.pkg()] {
				continue
			}
			switch size := groups.together(f.pkg(), to.pkg()); {
			case size == 0:
			case size > shownCycle:
				p.reportFilef(f, part(fileDependency, int32(i)), "packages import each other: %s and %s are two of %d",
					f.pkg(), to.pkg(), size)
			default:
				p.reportFilef(f, part(fileDependency, int32(i)), "packages import each other: %s",
					strings.Join(append([]string{f.pkg()}, wayBack(inOrder, groups, to.pkg(), f.pkg())...), " → "))
			}
		}
	}
}

// wayBack returns the shortest way that leads from one package to another of the same group.
func wayBack(imports map[string][]string, groups *cycles[string], from, to string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			var way []string
			for ; at != ""; at = before[at] {
				way = append(way, at)
			}
			slices.Reverse(way)
			return way
		}
		for _, next := range imports[at] {
			if _, seen := before[next]; !seen && groups.together(next, to) > 0 {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

func stablePackageNoImportUnstable(p *pass) {
	for _, f := range p.files {
		if !stable(version(f.pkg())) {
			continue
		}
		for i, name := range f.proto.GetDependency() {
			to := p.byName[name]
			if to == nil {
				continue
			}
			if v := version(to.pkg()); v != "" && !stable(v) {
				p.reportFilef(f, part(fileDependency, int32(i)),
					"package %q is stable, and imports %q, which is not", f.pkg(), to.pkg())
			}
		}
	}
}

func packageNoImportUnversioned(p *pass) {
	check := func(n *node, at [][]int32, f *file, in *file) {
		if version(f.pkg()) == "" || in == nil || in == f || in.pkg() == f.pkg() || version(in.pkg()) != "" ||
			in.pkg() == "google" || strings.HasPrefix(in.pkg(), "google.") {
			return
		}
		p.reportf(n, at, "package %q has a version, and uses package %q, which has none", f.pkg(), in.pkg())
	}
	for f := range p.fields() {
		check(&f.node, part(fieldName), f.file, p.declares(f.typeName()))
	}
	for m := range p.methods() {
		check(&m.node, part(methodInput), m.file, p.declares(typeName(m.proto.GetInputType())))
		check(&m.node, part(methodOutput), m.file, p.declares(typeName(m.proto.GetOutputType())))
	}
}

// declares returns the file that declares a message or an enum, nil if that is not known.
func (c *contract) declares(full string) *file {
	if m := c.messages[full]; m != nil {
		return m.file
	}
	if e := c.enums[full]; e != nil {
		return e.file
	}
	return nil
}

func syntaxSpecified(p *pass) {
	for _, f := range p.files {
		if f.span([]int32{fileSyntax}) == nil && f.span([]int32{fileEdition}) == nil {
			p.reportFilef(f, nil, `the file says neither syntax nor edition, and counts as "proto2"`)
		}
	}
}

func importUsed(p *pass) {
	for _, f := range p.files {
		for i, name := range f.proto.GetDependency() {
			if f.unused[name] {
				p.reportFilef(f, part(fileDependency, int32(i)), "import %q is not used", name)
			}
		}
	}
}

func importNoPublic(p *pass) { p.importKind("public", (*file).publicImports) }

func importNoWeak(p *pass) { p.importKind("weak", (*file).weakImports) }

func (f *file) publicImports() []int32 { return f.proto.GetPublicDependency() }

func (f *file) weakImports() []int32 { return f.proto.GetWeakDependency() }

func (p *pass) importKind(kind string, of func(*file) []int32) {
	for _, f := range p.files {
		for _, i := range of(f) {
			p.reportFilef(f, part(fileDependency, i), "import %q should not be %s", f.proto.GetDependency()[i], kind)
		}
	}
}

// group returns files by what of says of them.
func group(files []*file, of func(*file) string) map[string][]*file {
	groups := make(map[string][]*file)
	for _, f := range files {
		groups[of(f)] = append(groups[of(f)], f)
	}
	return groups
}

// distinct returns what of says of files, sorted, each once.
func distinct(files []*file, of func(*file) string) []string {
	values := make([]string, 0, len(files))
	for _, f := range files {
		values = append(values, of(f))
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// shownValues is how many values list names. Of n files with n values each finding would name n.
const shownValues = 10

// list quotes values, for people, and says how many more there are than shownValues.
func list(values []string) string {
	more := ""
	if n := len(values) - shownValues; n > 1 {
		values, more = values[:shownValues], fmt.Sprintf(" and %d more", n)
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + v + `"`
		if v == "" {
			quoted[i] = "none"
		}
	}
	return strings.Join(quoted, ", ") + more
}

package breaking

import (
	"maps"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// deleteRules are about whole declarations that are gone, from their file or from their package.
func deleteRules() []Rule {
	const (
		whyFile = "code that imports what was generated from this file no longer finds it there"
		why     = "code that uses the generated type no longer compiles"
	)
	return []Rule{
		{
			ID: "FILE_NO_DELETE", Levels: File, Shared: true, check: filesKept,
			Breaks: "a file is gone", Why: "contracts that import it no longer compile",
		},
		{
			ID: "MESSAGE_NO_DELETE", Levels: File, Shared: true, check: filePairs(keptInFile(messagesOf)),
			Breaks: "a message is gone from its file", Why: whyFile,
		},
		{
			ID: "ENUM_NO_DELETE", Levels: File, Shared: true, check: filePairs(keptInFile(enumsOf)),
			Breaks: "an enum is gone from its file", Why: whyFile,
		},
		{
			ID: "EXTENSION_NO_DELETE", Levels: File, Shared: true, check: filePairs(keptInFile(extensionsOf)),
			Breaks: "an extension is gone from its file", Why: whyFile,
		},
		{
			ID: "SERVICE_NO_DELETE", Levels: File, Shared: true, check: filePairs(keptInFile(servicesOf)),
			Breaks: "a service is gone from its file",
			Why:    "its clients no longer compile, and their calls end with UNIMPLEMENTED",
		},
		{
			ID: "PACKAGE_NO_DELETE", Levels: Package, Shared: true, check: packagesKept,
			Breaks: "a package is gone", Why: "nothing that uses it compiles, and calls of its services end with UNIMPLEMENTED",
		},
		{
			ID: "PACKAGE_MESSAGE_NO_DELETE", Levels: Package, Shared: true, check: keptInPackage(messagesOf),
			Breaks: "a message is gone from its package", Why: why,
		},
		{
			ID: "PACKAGE_ENUM_NO_DELETE", Levels: Package, Shared: true, check: keptInPackage(enumsOf),
			Breaks: "an enum is gone from its package", Why: why,
		},
		{
			ID: "PACKAGE_EXTENSION_NO_DELETE", Levels: Package, Shared: true, check: keptInPackage(extensionsOf),
			Breaks: "an extension is gone from its package", Why: why,
		},
		{
			ID: "PACKAGE_SERVICE_NO_DELETE", Levels: Package, Shared: true, check: keptInPackage(servicesOf),
			Breaks: "a service is gone from its package",
			Why:    "its clients no longer compile, and their calls end with UNIMPLEMENTED",
		},
	}
}

// lister lists the declarations of one kind in a file, and names the kind.
type lister func(file protoreflect.FileDescriptor) (kind string, declared []protoreflect.Descriptor)

func messagesOf(file protoreflect.FileDescriptor) (string, []protoreflect.Descriptor) {
	var list []protoreflect.Descriptor
	for m := range allMessages(file) {
		list = append(list, m)
	}
	return "message", list
}

func enumsOf(file protoreflect.FileDescriptor) (string, []protoreflect.Descriptor) {
	var list []protoreflect.Descriptor
	for e := range allEnums(file) {
		list = append(list, e)
	}
	return "enum", list
}

func extensionsOf(file protoreflect.FileDescriptor) (string, []protoreflect.Descriptor) {
	var list []protoreflect.Descriptor
	for x := range allExtensions(file) {
		list = append(list, x)
	}
	return "extension", list
}

func servicesOf(file protoreflect.FileDescriptor) (string, []protoreflect.Descriptor) {
	list := make([]protoreflect.Descriptor, file.Services().Len())
	for i := range list {
		list[i] = file.Services().Get(i)
	}
	return "service", list
}

func filesKept(c *comparison) {
	for _, old := range c.old.files {
		if _, ok := c.now.byName[c.old.name(old)]; !ok {
			c.reportf(c.placeOfFile(old), spot{Place: c.old.fileAlone(old.Path())}, c.subjectOf(old),
				"file %s was deleted", c.old.name(old))
		}
	}
}

// placeOfFile returns the head of the file that old has become, or else the place where it was.
func (c *comparison) placeOfFile(old protoreflect.FileDescriptor) spot {
	name := c.old.name(old)
	if now, ok := c.now.byName[name]; ok {
		return c.now.head(now)
	}
	return spot{Place: c.now.fileAlone(path.Join(c.now.prefix, name))}
}

// keptInFile compares names within the packages, so that a file whose package changed is not reported over and over.
func keptInFile(list lister) func(c *comparison, old, now protoreflect.FileDescriptor) {
	return func(c *comparison, old, now protoreflect.FileDescriptor) {
		kind, before := list(old)
		_, after := list(now)
		kept := make(map[string]bool)
		for _, d := range after {
			kept[nestedName(d)] = true
		}
		for _, d := range before {
			if !kept[nestedName(d)] {
				c.reportf(c.placeOfDeleted(now, d), c.old.whole(d), c.subjectOf(d),
					"%s was deleted from %s%s", c.describe(kind, d), c.now.name(now), c.whereTo(d))
			}
		}
	}
}

// describe names a declaration that may be the compiler's own.
func (c *comparison) describe(kind string, d protoreflect.Descriptor) string {
	if m, ok := d.(protoreflect.MessageDescriptor); ok && m.IsMapEntry() {
		if field := c.old.mapField(m); field != nil {
			return "message " + string(d.FullName()) + ", the entries of the map " + string(field.Name()) + ","
		}
	}
	return kind + " " + string(d.FullName())
}

// whereTo returns where a declaration is now that was there before, when it has kept its name.
func (c *comparison) whereTo(d protoreflect.Descriptor) string {
	if c.declares == nil {
		c.declares = declarations(c.now.linked)
	}
	file, ok := c.declares[d.FullName()]
	if !ok {
		return ""
	}
	return "; it is in " + file.Path() + " now"
}

// declarations returns the files that declare messages, enums, extensions and services, by their full names.
func declarations(files *protoregistry.Files) map[protoreflect.FullName]protoreflect.FileDescriptor {
	all := make(map[protoreflect.FullName]protoreflect.FileDescriptor)
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for _, list := range []lister{messagesOf, enumsOf, extensionsOf, servicesOf} {
			_, declared := list(file)
			for _, d := range declared {
				all[d.FullName()] = file
			}
		}
		return true
	})
	return all
}

// placeOfDeleted returns the place of the innermost message that was around d and is still in the file, or else the
// head of the file.
func (c *comparison) placeOfDeleted(file protoreflect.FileDescriptor, d protoreflect.Descriptor) spot {
	for name := nestedName(d); ; {
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return c.now.head(file)
		}
		name = name[:dot]
		full := protoreflect.FullName(name)
		if pkg := file.Package(); pkg != "" {
			full = pkg + "." + full
		}
		if m, ok := c.now.messages[full]; ok && m.ParentFile().Path() == file.Path() {
			return c.now.whole(m)
		}
	}
}

func packageFiles(c *Contract) map[protoreflect.FullName][]protoreflect.FileDescriptor {
	files := make(map[protoreflect.FullName][]protoreflect.FileDescriptor)
	for _, file := range c.files {
		files[file.Package()] = append(files[file.Package()], file)
	}
	return files
}

func packagesKept(c *comparison) {
	before, after := packageFiles(c.old), packageFiles(c.now)
	for _, pkg := range slices.Sorted(maps.Keys(before)) {
		if len(after[pkg]) > 0 {
			continue
		}
		old := before[pkg][0]
		c.reportf(c.placeOfFile(old), c.old.head(old), c.subjectOf(old), "package %q was deleted", pkg)
	}
}

func keptInPackage(list lister) func(*comparison) {
	return func(c *comparison) {
		after := packageFiles(c.now)
		keptIn := make(map[protoreflect.FullName]map[protoreflect.FullName]bool) // by package
		for _, old := range c.old.files {
			files := after[old.Package()]
			if len(files) == 0 {
				continue // PACKAGE_NO_DELETE says so
			}
			kept := keptIn[old.Package()]
			if kept == nil {
				kept = make(map[protoreflect.FullName]bool)
				for _, file := range files {
					_, declared := list(file)
					for _, d := range declared {
						kept[d.FullName()] = true
					}
				}
				keptIn[old.Package()] = kept
			}
			kind, before := list(old)
			for _, d := range before {
				if kept[d.FullName()] {
					continue
				}
				at := c.now.head(files[0])
				if now, ok := c.now.byName[c.old.name(old)]; ok {
					at = c.placeOfDeleted(now, d)
				}
				c.reportf(at, c.old.whole(d), c.subjectOf(d), "%s was deleted from package %q", c.describe(kind, d), old.Package())
			}
		}
	}
}

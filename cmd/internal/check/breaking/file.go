package breaking

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// fileRules are about what a file says of itself.
func fileRules() []Rule {
	const whyGenerated = "generated code is another, and code that uses it no longer compiles or behaves otherwise"
	options := fileOptionRules()
	rules := slices.Grow([]Rule{
		{
			ID: "FILE_SAME_PACKAGE", Levels: all, Shared: true, check: filePairs(samePackage),
			Breaks: "a file's package is another",
			Why:    "every full name in the file changes: paths of calls, type URLs, generated code",
		},
		{
			ID: "FILE_SAME_SYNTAX", Levels: source, Shared: true, check: filePairs(sameSyntax),
			Breaks: "a file's syntax is another", Why: "presence of fields, closedness of enums and generated code depend on it",
		},
	}, len(options))
	for _, o := range options {
		rules = append(rules, Rule{
			ID: o.rule, Levels: source, Shared: true, check: filePairs(sameFileOption(o.option)),
			Breaks: "a file's option " + string(o.option) + " is another", Why: whyGenerated,
		})
	}
	return rules
}

type fileOptionRule struct {
	rule   string
	option protoreflect.Name
}

// fileOptionRules are the options that generators of code look at.
func fileOptionRules() []fileOptionRule {
	return []fileOptionRule{
		{"FILE_SAME_CC_ENABLE_ARENAS", "cc_enable_arenas"},
		{"FILE_SAME_CC_GENERIC_SERVICES", "cc_generic_services"},
		{"FILE_SAME_CSHARP_NAMESPACE", "csharp_namespace"},
		{"FILE_SAME_GO_PACKAGE", "go_package"},
		{"FILE_SAME_JAVA_GENERIC_SERVICES", "java_generic_services"},
		{"FILE_SAME_JAVA_MULTIPLE_FILES", "java_multiple_files"},
		{"FILE_SAME_JAVA_OUTER_CLASSNAME", "java_outer_classname"},
		{"FILE_SAME_JAVA_PACKAGE", "java_package"},
		{"FILE_SAME_OBJC_CLASS_PREFIX", "objc_class_prefix"},
		{"FILE_SAME_OPTIMIZE_FOR", "optimize_for"},
		{"FILE_SAME_PHP_CLASS_PREFIX", "php_class_prefix"},
		{"FILE_SAME_PHP_METADATA_NAMESPACE", "php_metadata_namespace"},
		{"FILE_SAME_PHP_NAMESPACE", "php_namespace"},
		{"FILE_SAME_PY_GENERIC_SERVICES", "py_generic_services"},
		{"FILE_SAME_RUBY_PACKAGE", "ruby_package"},
		{"FILE_SAME_SWIFT_PREFIX", "swift_prefix"},
	}
}

func samePackage(c *comparison, old, now protoreflect.FileDescriptor) {
	if old.Package() != now.Package() {
		c.reportf(c.now.head(now), c.old.head(old), c.subjectOf(old),
			"the package changed from %q to %q", old.Package(), now.Package())
	}
}

func sameSyntax(c *comparison, old, now protoreflect.FileDescriptor) {
	if old.Syntax() != now.Syntax() {
		c.reportf(c.now.syntax(now), c.old.syntax(old), c.subjectOf(old),
			"the syntax changed from %s to %s", old.Syntax(), now.Syntax())
	}
}

// sameFileOption compares what an option amounts to: it may be left out where it says what would be so anyway.
func sameFileOption(name protoreflect.Name) func(c *comparison, old, now protoreflect.FileDescriptor) {
	return func(c *comparison, old, now protoreflect.FileDescriptor) {
		field := (*descriptorpb.FileOptions)(nil).ProtoReflect().Descriptor().Fields().ByName(name)
		before, after := fileOptionsOf(old).Get(field), fileOptionsOf(now).Get(field)
		if before.Equal(after) {
			return
		}
		path := protoreflect.SourcePath{fileOptions, int32(field.Number())}
		pkg := protoreflect.SourcePath{filePackage}
		at, was := c.now.fileSpot(now, path, pkg), c.old.fileSpot(old, path, pkg)
		c.reportf(at, was, c.subjectOf(old), "option %s changed from %s to %s", name,
			optionText(field, before), optionText(field, after))
	}
}

func fileOptionsOf(file protoreflect.FileDescriptor) protoreflect.Message {
	options, _ := file.Options().(*descriptorpb.FileOptions)
	return options.ProtoReflect()
}

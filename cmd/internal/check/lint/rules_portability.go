package lint

import (
	"slices"
	"strings"
)

func portability() []Rule {
	return []Rule{
		{
			Rule: fails("FIELD_NAME_COLLISION", Portability,
				"generators make the same name of both and help themselves with a suffix, in each language another one"),
			Bad: "string user_name = 1; string username = 2;", Good: "string user_name = 1; string login = 2;",
			Note: "Names collide when they differ only in capitals and underscores.", run: fieldNameCollision,
		},
		{
			Rule: fails("FIELD_JSON_NAME_COLLISION", Portability,
				"readers of JSON take a field by its name in the contract, too, and would set the wrong one"),
			Bad:  "string login = 1 [json_name = \"name\"];\nstring name = 2 [json_name = \"title\"];",
			Good: "string login = 1;\nstring name = 2 [json_name = \"title\"];",
			Note: "The compiler refuses equal names in JSON, and does not compare them with the names in the contract.",
			run:  fieldJSONNameCollision,
		},
		{
			Rule: warns("FIELD_NAME_KEYWORD", Portability,
				"the name is taken in a language, so that the field is called differently there, or is awkward to reach"),
			Bad: "string from = 1;", Good: "string sender = 1;",
			Note: "It is about keywords of Python, which has them for names of fields as they are, about names for which " +
				"Go's generated messages have methods, and about class, which Java's objects have.",
			run: fieldNameKeyword,
		},
		{
			Rule: fails("PACKAGE_NAME_KEYWORD", Portability,
				"generated packages take the name, and do not compile"),
			Bad: "package shop.import.v1;", Good: "package shop.imports.v1;",
			Note: "It is about keywords of Go, Java, Python and C++.", run: packageNameKeyword,
		},
		{
			Rule: warns("ENUM_VALUE_DIGIT", Portability,
				"many generators cut the prefix from values, and no identifier begins with a digit"),
			Bad: "SIZE_2XL = 1; in enum Size", Good: "SIZE_XXL = 1;", run: enumValueDigit,
		},
		{
			Rule: asked("FIELD_NO_JSON_NAME", Portability,
				"the name in JSON cannot be told from the contract's name, and readers may expect either"),
			Bad: `string user_name = 1 [json_name = "login"];`, Good: "string login = 1;", run: fieldNoJSONName,
		},
	}
}

func fieldNameCollision(p *pass) {
	for m := range p.allMessages() {
		first := make(map[string]string)
		for _, f := range m.fields {
			squashed := squash(f.name)
			if other := first[squashed]; other != "" {
				p.reportf(&f.node, nil, "field %q differs from field %q only in capitals and underscores", f.name, other)
				continue
			}
			first[squashed] = f.name
		}
	}
}

func fieldJSONNameCollision(p *pass) {
	for m := range p.allMessages() {
		for _, f := range m.fields {
			if other := m.field(f.proto.GetJsonName()); other != nil && other != f {
				p.reportf(&f.node, part(fieldJSON), "field %q is called %q in JSON, as another field is in the contract",
					f.name, other.name)
			}
		}
	}
}

// goKeywords are the keywords of Go.
func goKeywords() []string {
	return []string{
		"break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go",
		"goto", "if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type",
		"var",
	}
}

// javaKeywords are the keywords of Java.
func javaKeywords() []string {
	return []string{
		"abstract", "assert", "boolean", "break", "byte", "case", "catch", "char", "class", "const", "continue",
		"default", "do", "double", "else", "enum", "extends", "false", "final", "finally", "float", "for", "goto", "if",
		"implements", "import", "instanceof", "int", "interface", "long", "native", "new", "null", "package", "private",
		"protected", "public", "return", "short", "static", "strictfp", "super", "switch", "synchronized", "this",
		"throw", "throws", "transient", "true", "try", "void", "volatile", "while",
	}
}

// pythonKeywords are the keywords of Python.
func pythonKeywords() []string {
	return []string{
		"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
		"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
		"not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
	}
}

// cppKeywords are the keywords that C++ has besides these.
func cppKeywords() []string {
	return []string{
		"auto", "bool", "delete", "explicit", "export", "extern", "friend", "inline", "mutable", "namespace", "operator",
		"register", "signed", "sizeof", "template", "typedef", "typename", "union", "unsigned", "using", "virtual",
	}
}

// goMethods are the methods of generated messages that field names meet after their first letter became a capital.
func goMethods() []string {
	return []string{"reset", "string", "proto_message", "descriptor", "marshal", "unmarshal"}
}

func fieldNameKeyword(p *pass) {
	python, methods := pythonKeywords(), goMethods()
	for f := range p.fields() {
		var languages []string
		if slices.Contains(python, f.name) {
			languages = append(languages, "a keyword of Python")
		}
		if slices.Contains(methods, f.name) {
			languages = append(languages, "a method of messages in Go")
		}
		if f.name == "class" {
			languages = append(languages, "a method of objects in Java")
		}
		if len(languages) > 0 {
			p.reportf(&f.node, nil, "field %q is called like %s", f.name, strings.Join(languages, " and "))
		}
	}
}

func packageNameKeyword(p *pass) {
	for _, f := range p.files {
		for word := range strings.SplitSeq(f.pkg(), ".") {
			var languages []string
			for _, in := range []struct {
				name     string
				keywords []string
			}{{"Go", goKeywords()}, {"Java", javaKeywords()}, {"Python", pythonKeywords()}, {"C++", cppKeywords()}} {
				if slices.Contains(in.keywords, word) {
					languages = append(languages, in.name)
				}
			}
			if len(languages) > 0 {
				p.reportFilef(f, part(filePackage), "%q in package %q is a keyword of %s",
					word, f.pkg(), strings.Join(languages, ", "))
			}
		}
	}
}

func enumValueDigit(p *pass) {
	for e := range p.allEnums() {
		prefix := toUpperSnake(e.name) + "_"
		for _, v := range e.values {
			rest, ok := strings.CutPrefix(v.name, prefix)
			if ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				p.reportf(&v.node, nil, "without its prefix, enum value %q begins with a digit: %s", v.name, rest)
			}
		}
	}
}

// fieldJSON is the number of json_name, which has a place in the source only if it is written there.
const fieldJSON = 10

func fieldNoJSONName(p *pass) {
	for f := range p.fields() {
		if f.span([]int32{fieldJSON}) != nil {
			p.reportf(&f.node, part(fieldJSON), "field %q is called %q in JSON", f.name, f.proto.GetJsonName())
		}
	}
}

package breaking

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// cppStringType returns the type that C++ has for a string or bytes field.
func (c *Contract) cppStringType(field protoreflect.FieldDescriptor) string {
	if options := fieldOptionsOf(field); options != nil && options.Ctype != nil {
		if options.GetCtype() != descriptorpb.FieldOptions_STRING || field.Syntax() != protoreflect.Editions {
			return options.GetCtype().String()
		}
	}
	return c.languageFeature("pb.cpp", "string_type").value(field, "STRING")
}

func sameCppStringType(c *comparison, old, now protoreflect.FieldDescriptor) {
	if !isText(old.Kind()) || !isText(now.Kind()) ||
		old.ContainingMessage().IsMapEntry() && now.ContainingMessage().IsMapEntry() {
		return
	}
	before, after := c.old.cppStringType(old), c.now.cppStringType(now)
	if before == after || before == "STRING_PIECE" && after == "STRING" {
		return // a field that was a piece can be a whole string: both are read alike
	}
	c.reportf(c.now.cppStringPlace(now), c.old.cppStringPlace(old), c.subjectOf(old),
		"the type of %s in C++ changed from %s to %s", fieldText(now), before, after)
}

func isText(kind protoreflect.Kind) bool {
	return kind == protoreflect.StringKind || kind == protoreflect.BytesKind
}

func (c *Contract) cppStringPlace(field protoreflect.FieldDescriptor) spot {
	path := append(pathOf(field), fieldOptions, optionCType)
	if at, ok := c.locate(field.ParentFile(), path); ok {
		return spot{at, c.whole(field).begin}
	}
	return c.languagePlace(field, c.languageFeature("pb.cpp", "string_type"))
}

func (c *Contract) languagePlace(field protoreflect.FieldDescriptor, f *languageFeature) spot {
	if f == nil {
		return c.whole(field)
	}
	return c.option(field, f.path())
}

// javaUTF8Validation reports whether Java checks that a string is UTF-8: the general feature, which an option of the
// file or a feature of Java's own can make stricter.
func (c *Contract) javaUTF8Validation(field protoreflect.FieldDescriptor) descriptorpb.FeatureSet_Utf8Validation {
	file, _ := field.ParentFile().Options().(*descriptorpb.FileOptions)
	switch {
	case file.GetJavaStringCheckUtf8():
		return descriptorpb.FeatureSet_VERIFY
	case field.ParentFile().Syntax() != protoreflect.Editions || file != nil && file.JavaStringCheckUtf8 != nil:
		return utf8Validation(field)
	case c.languageFeature("pb.java", "utf8_validation").value(field, "DEFAULT") == "VERIFY":
		return descriptorpb.FeatureSet_VERIFY
	default:
		return utf8Validation(field)
	}
}

func sameJavaUTF8Validation(c *comparison, old, now protoreflect.FieldDescriptor) {
	if old.Kind() != protoreflect.StringKind || now.Kind() != protoreflect.StringKind {
		return
	}
	before, after := c.old.javaUTF8Validation(old), c.now.javaUTF8Validation(now)
	if before != after {
		c.reportf(c.now.javaUTF8Place(now), c.old.javaUTF8Place(old), c.subjectOf(old),
			"UTF-8 validation of %s in Java changed from %s to %s", fieldText(now), before, after)
	}
}

func (c *Contract) javaUTF8Place(field protoreflect.FieldDescriptor) spot {
	path := protoreflect.SourcePath{fileOptions, optionJavaStringCheckUTF8}
	if at, ok := c.locate(field.ParentFile(), path); ok {
		return spot{at, at.Line}
	}
	return c.languagePlace(field, c.languageFeature("pb.java", "utf8_validation"))
}

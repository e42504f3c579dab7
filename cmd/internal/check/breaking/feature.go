package breaking

import (
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Numbers of the fields called features in the options of several kinds of declarations, and of fields in FeatureSet;
// see descriptor.proto.
const (
	enumFeatures    = 7
	messageFeatures = 12
	fieldFeatures   = 21

	featureEnumType       = 2
	featureUTF8Validation = 4
	featureJSONFormat     = 6
)

// feature returns the number of the value that a feature of FeatureSet has for d.
func feature(d protoreflect.Descriptor, name protoreflect.Name) protoreflect.EnumNumber {
	field := (*descriptorpb.FeatureSet)(nil).ProtoReflect().Descriptor().Fields().ByName(name)
	value, err := protoutil.ResolveFeature(d, field)
	if err != nil {
		return 0 // of an edition that the compiler does not know, which it refused before
	}
	return value.Enum()
}

func jsonFormat(d protoreflect.Descriptor) descriptorpb.FeatureSet_JsonFormat {
	return descriptorpb.FeatureSet_JsonFormat(feature(d, "json_format"))
}

func utf8Validation(d protoreflect.Descriptor) descriptorpb.FeatureSet_Utf8Validation {
	return descriptorpb.FeatureSet_Utf8Validation(feature(d, "utf8_validation"))
}

// languageFeature is a feature of one language, such as pb.cpp's string_type.
type languageFeature struct {
	extension protoreflect.ExtensionType
	field     protoreflect.FieldDescriptor
}

// languageFeature returns the feature of that name, nil when the contract does not import the file that declares it, so
// that nothing in it can set the feature.
func (c *Contract) languageFeature(extension protoreflect.FullName, name protoreflect.Name) *languageFeature {
	x, err := c.types.FindExtensionByName(extension)
	if err != nil || x.TypeDescriptor().Message() == nil {
		return nil
	}
	field := x.TypeDescriptor().Message().Fields().ByName(name)
	if field == nil || field.Enum() == nil {
		return nil
	}
	return &languageFeature{extension: x, field: field}
}

// value returns the name of the value that the feature has for d, or otherwise when there is no such feature.
func (f *languageFeature) value(d protoreflect.Descriptor, otherwise string) string {
	if f == nil {
		return otherwise
	}
	value, err := protoutil.ResolveCustomFeature(d, f.extension, f.field)
	if err != nil {
		return otherwise
	}
	return enumText(f.field.Enum(), value.Enum())
}

// path returns the path of the feature in the options of a field.
func (f *languageFeature) path() protoreflect.SourcePath {
	if f == nil {
		return nil
	}
	return protoreflect.SourcePath{
		fieldOptions, fieldFeatures, int32(f.extension.TypeDescriptor().Number()), int32(f.field.Number()),
	}
}

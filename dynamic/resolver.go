package dynamic

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Resolver finds the types of messages in a google.protobuf.Any, and of extensions, for packages protojson, prototext
// and proto: in its Source, and then in the process's registry. A type that cannot be found, or not asked for, does not
// exist for it. It is safe for concurrent use.
type Resolver struct {
	ctx    context.Context //nolint:containedctx // the interfaces that it implements take none
	source *Source
	opaque bool
}

var (
	_ protoregistry.MessageTypeResolver   = (*Resolver)(nil)
	_ protoregistry.ExtensionTypeResolver = (*Resolver)(nil)
)

// Resolver returns a Resolver that asks the server, if there is one, until ctx ends.
func (s *Source) Resolver(ctx context.Context) *Resolver { return &Resolver{ctx: ctx, source: s} }

// Opaque returns a Resolver that finds a type for every Any: types that are not known are opaque messages. protojson,
// which fails otherwise, prints them as {"@type": …, "value": base64}.
func (r *Resolver) Opaque() *Resolver { return &Resolver{ctx: r.ctx, source: r.source, opaque: true} }

// FindMessageByName implements protoregistry.MessageTypeResolver.
func (r *Resolver) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	d, err := r.source.symbol(r.ctx, name)
	if err == nil {
		if m, ok := d.(protoreflect.MessageDescriptor); ok && !m.IsPlaceholder() {
			return dynamicpb.NewMessageType(m), nil
		}
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

// FindMessageByURL implements protoregistry.MessageTypeResolver. It ignores the part before the last slash.
func (r *Resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	t, err := r.FindMessageByName(protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:]))
	if err != nil && r.opaque {
		return opaqueType{}, nil
	}
	return t, err
}

// FindExtensionByName implements protoregistry.ExtensionTypeResolver.
func (r *Resolver) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	d, err := r.source.symbol(r.ctx, name)
	if err == nil {
		if x, ok := d.(protoreflect.ExtensionDescriptor); ok && x.IsExtension() {
			r.source.mu.RLock()
			defer r.source.mu.RUnlock()
			return r.source.extensions.FindExtensionByName(name)
		}
	}
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

// FindExtensionByNumber implements protoregistry.ExtensionTypeResolver.
func (r *Resolver) FindExtensionByNumber(
	message protoreflect.FullName, number protoreflect.FieldNumber,
) (protoreflect.ExtensionType, error) {
	if x, err := r.source.extension(r.ctx, message, number); err == nil {
		return x, nil
	}
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, number)
}

// DecodeExtensions decodes the extensions in m and in all messages that it contains, as far as r finds them. Codecs
// leave them as unknown fields, since they know only the extensions that are part of the program.
func (r *Resolver) DecodeExtensions(m proto.Message) { decodeExtensions(r, m.ProtoReflect()) }

func decodeExtensions(r *Resolver, m protoreflect.Message) {
	if unknown := m.GetUnknown(); len(unknown) > 0 && m.Descriptor().ExtensionRanges().Len() > 0 {
		m.SetUnknown(nil)
		o := proto.UnmarshalOptions{Merge: true, AllowPartial: true, Resolver: r}
		if err := o.Unmarshal(unknown, m.Interface()); err != nil {
			m.SetUnknown(unknown) // as it came; of what was decoded the later wins again
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					decodeExtensions(r, v.Message())
					return true
				})
			}
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				decodeExtensions(r, v.List().Get(i).Message())
			}
		default:
			decodeExtensions(r, v.Message())
		}
		return true
	})
}

package breaking

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// setExtensions returns the ends of the names of descriptor sets.
func setExtensions() []string {
	return []string{".binpb", ".pb", ".bin", ".protoset", ".desc", ".json", ".binpb.gz"}
}

// isSet reports whether a file of that name is a descriptor set.
func isSet(path string) bool {
	return slices.ContainsFunc(setExtensions(), func(end string) bool { return strings.HasSuffix(path, end) })
}

// descriptorSet is a FileDescriptorSet in a file, as protoc and buf write it; buf's images are such sets, too.
type descriptorSet struct{ path string }

func (d *descriptorSet) name() string { return "in " + d.path }

func (*descriptorSet) close() error { return nil }

// load implements against.
func (d *descriptorSet) load(ctx context.Context, units []*unit) ([]*Contract, error) {
	if len(units) != 1 {
		return nil, fmt.Errorf(
			"%s: a descriptor set is one contract, but what is compared with it belongs to %d import roots", d.path, len(units))
	}
	u := units[0]
	set, own, err := readSet(ctx, d.path)
	if err != nil {
		return nil, err
	}
	own = u.limit(own)
	contract, err := NewContract(set, ContractConfig{Own: own})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.path, err)
	}
	return []*Contract{contract}, nil
}

// readSet reads a descriptor set. Own are the names of the files that it is about: those that are not marked as
// imports, as buf does, without what is part of protobuf.
func readSet(ctx context.Context, path string) (files []*descriptorpb.FileDescriptorProto, own []string, err error) {
	content, err := cli.ReadFile(ctx, path, cli.Limit{Bytes: maxSet})
	if err != nil {
		return nil, nil, err
	}
	if strings.HasSuffix(path, ".gz") {
		if content, err = gunzip(ctx, path, content); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	files, own, err = parseSet(content, strings.HasSuffix(path, ".json"))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: not a descriptor set: %w", path, err)
	}
	return files, own, nil
}

func parseSet(content []byte, isJSON bool) (files []*descriptorpb.FileDescriptorProto, own []string, err error) {
	set := new(descriptorpb.FileDescriptorSet)
	if isJSON {
		err = readJSONSet(content, set)
	} else {
		err = proto.Unmarshal(content, set)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(set.GetFile()) == 0 {
		return nil, nil, errors.New("there are no files in it")
	}
	for _, file := range set.GetFile() {
		if !isImport(file) && !strings.HasPrefix(file.GetName(), "google/protobuf/") {
			own = append(own, file.GetName())
		}
	}
	return set.GetFile(), own, nil
}

// readJSONSet reads the JSON of a set. The types of extensions in options are declared in the set itself.
func readJSONSet(content []byte, set *descriptorpb.FileDescriptorSet) error {
	first := protojson.UnmarshalOptions{AllowPartial: true, DiscardUnknown: true}
	if err := first.Unmarshal(content, set); err != nil {
		return err
	}
	contract, err := NewContract(set.GetFile(), ContractConfig{})
	if err != nil {
		return err
	}
	second := protojson.UnmarshalOptions{
		AllowPartial: true, DiscardUnknown: true, Resolver: dynamicpb.NewTypes(contract.linked),
	}
	proto.Reset(set)
	return second.Unmarshal(content, set)
}

// maxSet is how large a set may be, in bytes, and what becomes of a compressed one.
const maxSet = 1 << 30

func gunzip(ctx context.Context, path string, content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	content, err = cli.ReadAll(ctx, r, "what "+path+" has compressed", cli.Limit{Bytes: maxSet})
	return content, errors.Join(err, r.Close())
}

// isImport reports whether buf marked the file as an import: buf.alpha.image.v1.ImageFile is a FileDescriptorProto with
// a field buf_extension = 8042, in which is_import = 1.
func isImport(file *descriptorpb.FileDescriptorProto) bool {
	const bufExtension, imported = 8042, 1
	for raw := file.ProtoReflect().GetUnknown(); len(raw) > 0; {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return false
		}
		raw = raw[n:]
		if n = protowire.ConsumeFieldValue(number, kind, raw); n < 0 {
			return false
		}
		value := raw[:n]
		raw = raw[n:]
		if number != bufExtension || kind != protowire.BytesType {
			continue
		}
		inner, _ := protowire.ConsumeBytes(value)
		for len(inner) > 0 {
			number, kind, n := protowire.ConsumeTag(inner)
			if n < 0 {
				return false
			}
			inner = inner[n:]
			if number == imported && kind == protowire.VarintType {
				flag, n := protowire.ConsumeVarint(inner)
				return n > 0 && flag != 0
			}
			if n = protowire.ConsumeFieldValue(number, kind, inner); n < 0 {
				return false
			}
			inner = inner[n:]
		}
	}
	return false
}

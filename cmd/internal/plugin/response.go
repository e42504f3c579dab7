package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// files checks a response and returns its files.
func (p *Plugin) files(request Request, response *pluginpb.CodeGeneratorResponse) ([]File, error) {
	if response.Error != nil {
		return nil, p.errorf("%s", response.GetError())
	}
	if err := p.supports(request, response); err != nil {
		return nil, err
	}
	var files []File
	seen := make(map[string]bool)
	for _, f := range response.GetFile() {
		if f.GetName() == "" {
			// The content goes on: large files come in pieces.
			if len(files) == 0 || f.GetInsertionPoint() != "" {
				return nil, p.errorf("its answer has a file without a name")
			}
			last := &files[len(files)-1]
			last.Content = append(last.Content, f.GetContent()...)
			continue
		}
		if err := p.confined(f.GetName()); err != nil {
			return nil, err
		}
		if seen[f.GetName()] && f.GetInsertionPoint() == "" {
			return nil, p.errorf("it wrote the file %s twice", f.GetName())
		}
		seen[f.GetName()] = seen[f.GetName()] || f.GetInsertionPoint() == ""
		files = append(files, File{
			Name: f.GetName(), Content: []byte(f.GetContent()), insert: f.GetInsertionPoint(),
		})
	}
	return files, nil
}

// confined checks that a file lies below the output directory.
func (p *Plugin) confined(name string) error {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || path.Clean(name) != name || strings.ContainsAny(name, "\\\x00") || name == "." {
		return p.errorf("it wanted to write to %q, which is no path below its output directory; nothing was written", name)
	}
	return nil
}

// supports checks that the plugin understands what the files use.
func (p *Plugin) supports(request Request, response *pluginpb.CodeGeneratorResponse) error {
	has := func(f pluginpb.CodeGeneratorResponse_Feature) bool {
		return response.GetSupportedFeatures()&uint64(f) != 0
	}
	named := make(map[string]bool)
	for _, name := range request.Names {
		named[name] = true
	}
	var errs []error
	for _, file := range request.Files {
		switch e := file.GetEdition(); {
		case !named[file.GetName()]:
		case file.GetSyntax() == "editions" && !has(pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS):
			errs = append(errs, p.errorf("%s uses an edition, which this plugin does not support", file.GetName()))
		case file.GetSyntax() == "editions" &&
			(e < descriptorpb.Edition(response.GetMinimumEdition()) || e > descriptorpb.Edition(response.GetMaximumEdition())):
			errs = append(errs, p.errorf("%s uses edition %s; this plugin supports the editions %s to %s", file.GetName(),
				edition(e), edition(descriptorpb.Edition(response.GetMinimumEdition())),
				edition(descriptorpb.Edition(response.GetMaximumEdition()))))
		case !has(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL) && usesOptional(file.GetMessageType()):
			errs = append(errs, p.errorf("%s has optional fields in proto3, which this plugin does not support",
				file.GetName()))
		}
	}
	return errors.Join(errs...)
}

func usesOptional(messages []*descriptorpb.DescriptorProto) bool {
	for _, m := range messages {
		for _, f := range m.GetField() {
			if f.GetProto3Optional() {
				return true
			}
		}
		if usesOptional(m.GetNestedType()) {
			return true
		}
	}
	return false
}

// Merge adds files, which the plugin p generated, to those of the same output directory in into, by their names. What
// belongs at an insertion point of such a file is inserted there, above the line with the mark of the point.
func (p *Plugin) Merge(into map[string][]byte, files []File) error {
	for _, f := range files {
		before, exists := into[f.Name]
		switch {
		case f.insert == "" && exists:
			return p.errorf("it writes the file %s, which another generator writes too; give one of them a directory of its own",
				f.Name)
		case f.insert == "":
			into[f.Name] = f.Content
		case !exists:
			return p.errorf("it inserts code into the file %s, which no plugin before it has written", f.Name)
		default:
			after, ok := insert(before, f.insert, f.Content)
			if !ok {
				return p.errorf("it inserts code at the point %q of the file %s, which has no such point", f.insert, f.Name)
			}
			into[f.Name] = after
		}
	}
	return nil
}

// insert puts content above the line of text that has the mark of an insertion point, indented as that line is.
func insert(text []byte, point string, content []byte) ([]byte, bool) {
	mark := []byte("@@protoc_insertion_point(" + point + ")")
	at := bytes.Index(text, mark)
	if at < 0 {
		return nil, false
	}
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	line := text[start:at]
	indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
	var out []byte
	out = append(out, text[:start]...)
	for l := range bytes.Lines(content) {
		if len(bytes.TrimSpace(l)) > 0 {
			out = append(out, indent...)
		}
		out = append(out, l...)
	}
	if len(content) > 0 && content[len(content)-1] != '\n' {
		out = append(out, '\n')
	}
	return append(out, text[start:]...), true
}

// Inside checks that what is to be written under name, below dir, does not leave dir through a symbolic link.
func Inside(dir, name string) error {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil //nolint:nilerr // it is not there yet, and so leads nowhere
	}
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		target, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(at)))
		if err != nil {
			continue // not there yet
		}
		if rel, err := filepath.Rel(root, target); err != nil || !filepath.IsLocal(rel) {
			return fmt.Errorf("%s would be written outside of %s, through the link %s", name, dir, at)
		}
	}
	return nil
}

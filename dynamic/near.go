package dynamic

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/internal/near"
)

// nearSymbols returns symbols of the known files, and services, that resemble name; if it is the path of a file, paths.
func (s *Source) nearSymbols(ctx context.Context, name string) []string {
	if strings.HasSuffix(name, ".proto") {
		return nearPaths(name, s.Files())
	}
	names, err := s.Services(ctx)
	if err != nil {
		names = nil // without them the files' symbols remain
	}
	for _, f := range s.Files() {
		names = appendMessages(names, f.Messages())
		for i := range f.Enums().Len() {
			names = append(names, string(f.Enums().Get(i).FullName()))
		}
	}
	return near.Names(name, names)
}

// nearPaths returns the paths of files that resemble path. All have the same extension, which does not count.
func nearPaths(path string, files []protoreflect.FileDescriptor) []string {
	symbol := func(path string) string { return strings.ReplaceAll(strings.TrimSuffix(path, ".proto"), "/", ".") }
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = symbol(f.Path())
	}
	list := near.Names(symbol(path), names)
	for i, n := range list {
		list[i] = files[slices.Index(names, n)].Path()
	}
	return list
}

func appendMessages(names []string, list protoreflect.MessageDescriptors) []string {
	for i := range list.Len() {
		m := list.Get(i)
		if m.IsMapEntry() {
			continue
		}
		names = appendMessages(append(names, string(m.FullName())), m.Messages())
	}
	return names
}

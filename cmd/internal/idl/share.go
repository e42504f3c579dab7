package idl

import (
	"errors"
	"io/fs"

	"github.com/bufbuild/protocompile/linker"
)

// sharer finds the files of a contract that another one, which was compiled already, has just the same.
type sharer struct {
	*resolver

	base   *Contract
	linked map[string]linker.File // of base
	same   map[string]bool        // by name, of those that were looked at
}

// share keeps those of the files called names, and of all that they import, that base has with the same text and the
// same imports: they are not compiled again.
func (r *resolver) share(base *Contract, names []string) []linker.File {
	s := sharer{
		resolver: r, base: base, linked: make(map[string]linker.File, len(base.linked)), same: make(map[string]bool),
	}
	for _, file := range base.linked {
		if file, ok := file.(linker.File); ok {
			s.linked[file.Path()] = file
		}
	}
	var shared []linker.File
	for _, name := range names {
		if s.shares(name) {
			shared = append(shared, s.linked[name])
		}
	}
	return shared
}

// shares reports whether a file is the same in base, and keeps it then.
func (s *sharer) shares(name string) bool {
	if same, known := s.same[name]; known {
		return same
	}
	s.same[name] = false // what imports itself is compiled, for the error
	file, kept := s.linked[name], s.base.kept[name]
	if file == nil || kept == nil || !s.sameText(name) {
		return false
	}
	for _, imported := range kept.imports {
		if !s.shares(imported) {
			return false
		}
	}
	again := *kept
	again.linked = file
	s.kept[name], s.same[name] = &again, true
	s.resolver.linked[name] = file
	return true
}

// sameText reports whether a file has the same text on both sides, or is part of the program on both.
func (s *sharer) sameText(name string) bool {
	text, onDisk := s.base.Text(name)
	src, err := s.load(name)
	if !onDisk {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && src.text == text
}

package dynamic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// load asks the server q and registers the files of its answer. One goroutine at a time loads.
func (s *Source) load(ctx context.Context, q question) error {
	encoded, err := s.remote.files(ctx, q)
	switch {
	case errors.Is(err, ErrNoReflection) && s.own != nil:
		return protoregistry.NotFound // there are only the files then
	case err != nil:
		return err
	}
	l := newLoader(s)
	l.asks = true
	err = l.decode(encoded)
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	return errors.Join(err, l.build(ctx))
}

// loader makes descriptors from files and registers them with a Source, imports first.
type loader struct {
	source  *Source
	pending map[string]*descriptorpb.FileDescriptorProto
	order   []string        // of pending, what is to be built yet
	open    map[string]bool // files whose imports are being built
	failed  map[string]error
	asks    bool // the server is asked for imports that are not pending
}

func newLoader(s *Source) *loader {
	return &loader{
		source: s, pending: make(map[string]*descriptorpb.FileDescriptorProto), open: make(map[string]bool),
		failed: make(map[string]error),
	}
}

// take adds files to build. The first of a name counts. Files that stand for missing ones are not added: servers made
// with older versions of grpc-go send such a file for each import that they do not have.
func (l *loader) take(files []*descriptorpb.FileDescriptorProto) {
	for _, f := range files {
		if name := f.GetName(); l.pending[name] == nil && !isPlaceholder(f) {
			l.pending[name] = f
			l.order = append(l.order, name)
		}
	}
}

// isPlaceholder reports whether f is what package protodesc makes for a missing file: it has no declarations, and an
// invalid syntax.
func isPlaceholder(f *descriptorpb.FileDescriptorProto) bool {
	return f.GetSyntax() == protoreflect.Syntax(0).String() && len(f.GetMessageType())+len(f.GetEnumType())+
		len(f.GetService())+len(f.GetExtension()) == 0
}

// decode decodes files as a server sends them. If one cannot be decoded, the others are.
func (l *loader) decode(encoded [][]byte) error {
	var errs []error
	s := l.source
	for _, b := range encoded {
		s.mu.Lock()
		s.bytes += len(b)
		over := s.bytes > s.cfg.maxBytes
		s.mu.Unlock()
		if over {
			return fmt.Errorf("%s: %w of %d bytes (dynamic.MaxBytes)", s.name, ErrTooLarge, s.cfg.maxBytes)
		}
		f := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(b, f); err != nil {
			errs = append(errs, fmt.Errorf("%s sent a file that is no FileDescriptorProto: %w", s.name, err))
			continue
		}
		l.take([]*descriptorpb.FileDescriptorProto{f})
	}
	return errors.Join(errs...)
}

// build builds and registers the files added with take. If one is invalid, the others are built.
func (l *loader) build(ctx context.Context) error {
	var errs []error
	for len(l.order) > 0 { // it may grow in the meantime
		name := l.order[0]
		l.order = l.order[1:]
		if err := l.file(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// file builds and registers one file after its imports. An import that does not exist, or cannot be built, is not an
// error here: its types are placeholders, and missed where they are needed.
func (l *loader) file(ctx context.Context, name string) error {
	s := l.source
	if s.has(name) {
		return nil
	}
	if err := l.failed[name]; err != nil {
		return err
	}
	f := l.pending[name]
	if f == nil {
		var err error
		if f, err = l.imported(ctx, name); f == nil || err != nil {
			return l.fail(name, err)
		}
	}
	if l.open[name] {
		return &circleError{source: s.name, file: name}
	}
	l.open[name] = true
	defer delete(l.open, name)
	var lost []error
	complete := true
	for _, dep := range f.GetDependency() {
		err := l.file(ctx, dep)
		if err != nil && l.hopeless(ctx, err) {
			return l.fail(name, err)
		}
		if err != nil {
			lost = append(lost, err)
		}
		complete = complete && s.has(dep)
	}
	if !complete {
		f = s.withImports(f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := protodesc.FileOptions{AllowUnresolvable: true}.New(f, &s.files)
	if err == nil {
		err = s.register(d)
	} else {
		err = fmt.Errorf("%s: %s: %w", s.name, name, err)
	}
	if err != nil && lost != nil {
		err = fmt.Errorf("%w, since imports are missing: %w", err, errors.Join(lost...))
	}
	return l.failLocked(name, err)
}

// hopeless reports whether the error of an import is also an error of the file that imports it.
func (l *loader) hopeless(ctx context.Context, err error) bool {
	circle, ok := errors.AsType[*circleError](err)
	return ctx.Err() != nil || errors.Is(err, ErrTooLarge) || ok && l.open[circle.file]
}

// circleError is the error of a file that imports itself.
type circleError struct{ source, file string }

// Error names the file.
func (e *circleError) Error() string {
	return fmt.Sprintf("%s: %s imports itself, maybe by way of others", e.source, e.file)
}

// fail stores the reason why a file could not be built, for files that need it, and returns err.
func (l *loader) fail(name string, err error) error {
	l.source.mu.Lock()
	defer l.source.mu.Unlock()
	return l.failLocked(name, err)
}

// failLocked is fail with the source's lock held.
func (l *loader) failLocked(name string, err error) error {
	if err != nil {
		l.failed[name] = err
		l.source.broken[name] = err
	}
	return err
}

// withImports returns f with imports of the files that declare what it refers to. It is for a file whose own imports
// are missing or could not be built: these may be copies of files that are known under another path, or files of
// google/protobuf under a path in another case.
func (s *Source) withImports(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := proto.CloneOf(f)
	for _, name := range references(f) {
		d, err := s.files.FindDescriptorByName(name)
		if err != nil && name.Parent() == wellKnown {
			if d, err = protoregistry.GlobalFiles.FindDescriptorByName(name); err == nil {
				err = s.registerAllLocked(d.ParentFile())
			}
		}
		if err == nil && !slices.Contains(out.GetDependency(), d.ParentFile().Path()) {
			out.Dependency = append(out.Dependency, d.ParentFile().Path())
		}
	}
	return out
}

// references returns the full names of the types that a file refers to.
func references(f *descriptorpb.FileDescriptorProto) (list []protoreflect.FullName) {
	add := func(name string) {
		if full, ok := strings.CutPrefix(name, "."); ok && protoreflect.FullName(full).IsValid() {
			list = append(list, protoreflect.FullName(full))
		}
	}
	fields := func(fields []*descriptorpb.FieldDescriptorProto) {
		for _, field := range fields {
			add(field.GetTypeName())
			add(field.GetExtendee())
		}
	}
	var messages func([]*descriptorpb.DescriptorProto)
	messages = func(all []*descriptorpb.DescriptorProto) {
		for _, m := range all {
			fields(m.GetField())
			fields(m.GetExtension())
			messages(m.GetNestedType())
		}
	}
	fields(f.GetExtension())
	messages(f.GetMessageType())
	for _, s := range f.GetService() {
		for _, m := range s.GetMethod() {
			add(m.GetInputType())
			add(m.GetOutputType())
		}
	}
	return list
}

// imported returns a file that another imports and that did not come with it, from the server. A file of
// google/protobuf is taken from the process and registered at once. It returns nil if there is no such file, or it is
// registered.
func (l *loader) imported(ctx context.Context, name string) (*descriptorpb.FileDescriptorProto, error) {
	s := l.source
	if d, err := protoregistry.GlobalFiles.FindFileByPath(name); err == nil && d.Package() == wellKnown {
		return nil, s.registerAll(d)
	}
	if !l.asks {
		return nil, nil //nolint:nilnil // documented: there is none
	}
	encoded, err := s.remote.files(ctx, question{kind: askFile, text: name})
	if err != nil && !errors.Is(err, protoregistry.NotFound) {
		return nil, err
	}
	err = l.decode(encoded)
	if f := l.pending[name]; f != nil && !errors.Is(err, ErrTooLarge) {
		return f, nil
	}
	return nil, err
}

// has reports whether the file of that name is registered.
func (s *Source) has(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.files.FindFileByPath(name)
	return err == nil
}

// registerAll registers a file and, before it, what it imports.
func (s *Source) registerAll(f protoreflect.FileDescriptor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registerAllLocked(f)
}

// registerAllLocked is registerAll with the lock held.
func (s *Source) registerAllLocked(f protoreflect.FileDescriptor) error {
	if f.IsPlaceholder() {
		return nil
	}
	if _, err := s.files.FindFileByPath(f.Path()); err == nil {
		return nil
	}
	for i := range f.Imports().Len() {
		if err := s.registerAllLocked(f.Imports().Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	return s.register(f)
}

// register registers a file and the extensions in it. The lock is held.
func (s *Source) register(f protoreflect.FileDescriptor) error {
	if s.count >= s.cfg.maxFiles {
		return fmt.Errorf("%s: %w of %d files (dynamic.MaxFiles)", s.name, ErrTooLarge, s.cfg.maxFiles)
	}
	if err := sound(f); err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, f.Path(), err)
	}
	if err := s.files.RegisterFile(f); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.count++
	return errors.Join(s.registerExtensions(f.Extensions()), s.registerWithin(f.Messages()))
}

func (s *Source) registerWithin(messages protoreflect.MessageDescriptors) error {
	for i := range messages.Len() {
		m := messages.Get(i)
		if err := errors.Join(s.registerExtensions(m.Extensions()), s.registerWithin(m.Messages())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Source) registerExtensions(list protoreflect.ExtensionDescriptors) error {
	var errs []error
	for i := range list.Len() {
		d := list.Get(i)
		if d.ContainingMessage().IsPlaceholder() {
			continue
		}
		if err := s.extensions.RegisterExtension(dynamicpb.NewExtensionType(d)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

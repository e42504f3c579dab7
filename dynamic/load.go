package dynamic

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// load asks the server q and registers the files that it answers with. One goroutine at a time loads.
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
	if err := l.decode(encoded); err != nil {
		return err
	}
	return l.build(ctx)
}

// loader makes descriptors of files and registers them with a Source, what is imported before what imports it.
type loader struct {
	source  *Source
	pending map[string]*descriptorpb.FileDescriptorProto
	order   []string        // of pending, what is to be built yet
	open    map[string]bool // files whose imports are being built
	asks    bool            // the server is asked for imports that are not pending
}

func newLoader(s *Source) *loader {
	return &loader{
		source: s, pending: make(map[string]*descriptorpb.FileDescriptorProto), open: make(map[string]bool),
	}
}

// take adds files that are to be built. The first of a name counts.
func (l *loader) take(files []*descriptorpb.FileDescriptorProto) {
	for _, f := range files {
		if name := f.GetName(); l.pending[name] == nil {
			l.pending[name] = f
			l.order = append(l.order, name)
		}
	}
}

// decode takes files as a server sends them.
func (l *loader) decode(encoded [][]byte) error {
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
			return fmt.Errorf("%s sent a file that is no FileDescriptorProto: %w", s.name, err)
		}
		l.take([]*descriptorpb.FileDescriptorProto{f})
	}
	return nil
}

// build builds and registers what was taken. One file that is in error does not keep the others from being built.
func (l *loader) build(ctx context.Context) error {
	var errs []error
	for len(l.order) > 0 { // it may grow meanwhile
		name := l.order[0]
		l.order = l.order[1:]
		if err := l.file(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// file builds and registers one file after its imports. An import that nobody has is no error here: types that come
// from there are placeholders.
func (l *loader) file(ctx context.Context, name string) error {
	s := l.source
	if s.has(name) {
		return nil
	}
	f := l.pending[name]
	if f == nil {
		var err error
		if f, err = l.imported(ctx, name); f == nil || err != nil {
			return err
		}
	}
	if l.open[name] {
		return fmt.Errorf("%s: %s imports itself, maybe by way of others", s.name, name)
	}
	l.open[name] = true
	defer delete(l.open, name)
	for _, dep := range f.GetDependency() {
		if err := l.file(ctx, dep); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := protodesc.FileOptions{AllowUnresolvable: true}.New(f, &s.files)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, name, err)
	}
	return s.register(d)
}

// imported returns a file that another imports and that did not come with it: from the server. One of google/protobuf
// is taken from the process and registered at once. Nil: nobody has it, or it is registered.
func (l *loader) imported(ctx context.Context, name string) (*descriptorpb.FileDescriptorProto, error) {
	s := l.source
	if d, err := protoregistry.GlobalFiles.FindFileByPath(name); err == nil && d.Package() == wellKnown {
		return nil, s.registerAll(d)
	}
	if !l.asks {
		return nil, nil //nolint:nilnil // documented: nobody has it
	}
	encoded, err := s.remote.files(ctx, question{kind: askFile, text: name})
	if err != nil && !errors.Is(err, protoregistry.NotFound) {
		return nil, err
	}
	if err := l.decode(encoded); err != nil {
		return nil, err
	}
	return l.pending[name], nil
}

// has says whether the file of that name is registered.
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

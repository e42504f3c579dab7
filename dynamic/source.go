package dynamic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
)

// Source has contracts. It keeps what it has learned from a server, up to MaxFiles and MaxBytes, and does not ask
// again: make another Source to see later changes. It is safe for concurrent use.
type Source struct {
	cfg    config
	name   string
	own    []string // the services of the files that it was made from, sorted; nil: there are none
	remote *remote  // nil: there are only files

	loading chan struct{} // holds a value while the server is asked

	mu         sync.RWMutex
	files      protoregistry.Files
	extensions protoregistry.Types
	methods    map[protoreflect.FullName]*fairlead.Method
	services   []string              // sorted; nil: not known yet
	absent     map[question]struct{} // questions to which the server had no answer
	broken     map[string]error      // why files could not be built, by their paths
	count      int                   // of files
	bytes      int                   // of files from the server
}

// FromServer makes a Source that asks the server that b calls, when something is needed.
func FromServer(b fairlead.Binder, opts ...Option) (*Source, error) {
	if b == nil {
		return nil, errors.New("dynamic: FromServer was given nil")
	}
	return newSource(append([]Option{Server(b)}, opts...))
}

// FromSet makes a Source from a FileDescriptorSet, as protoc --descriptor_set_out and buf build make them. Files of
// google/protobuf that others import may be missing.
func FromSet(set *descriptorpb.FileDescriptorSet, opts ...Option) (*Source, error) {
	s, err := newSource(opts)
	if err != nil {
		return nil, err
	}
	l := newLoader(s)
	l.take(set.GetFile())
	if err := l.build(context.Background()); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	s.own = s.declared()
	return s, nil
}

// FromFiles makes a Source from compiled files and their imports.
func FromFiles(files []protoreflect.FileDescriptor, opts ...Option) (*Source, error) {
	s, err := newSource(opts)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f == nil {
			return nil, errors.New("dynamic: FromFiles was given a nil file")
		}
		if err := s.registerAll(f); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	s.own = s.declared()
	return s, nil
}

func newSource(opts []Option) (*Source, error) {
	cfg := defaults()
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("dynamic: nil Option")
		}
		o.apply(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Source{
		cfg:     cfg,
		name:    cmp.Or(cfg.name, "the files"),
		loading: make(chan struct{}, 1),
		methods: make(map[protoreflect.FullName]*fairlead.Method),
		absent:  make(map[question]struct{}),
		broken:  make(map[string]error),
	}
	if cfg.server != nil {
		s.remote = newRemote(cfg.server, cfg.maxBytes)
		s.name = cmp.Or(cfg.name, s.remote.target)
	}
	return s, nil
}

// Name returns what errors call the origin of the contract.
func (s *Source) Name() string { return s.name }

// Services returns the full names of all services, sorted. Those of a server are the ones that it lists, whether or not
// it has their contracts; invalid names are left out, and an error if there are no others.
func (s *Source) Services(ctx context.Context) ([]string, error) {
	s.mu.RLock()
	known := s.services
	s.mu.RUnlock()
	if known != nil {
		return slices.Clone(known), nil
	}
	names := slices.Clone(s.own)
	if s.remote != nil {
		asked, err := s.remote.services(ctx)
		if err != nil && (s.own == nil || !errors.Is(err, ErrNoReflection)) {
			return nil, err
		}
		known := len(names)
		for _, name := range asked {
			if isName(name) { // a server may say anything
				names = append(names, name)
			}
		}
		if len(asked) > 0 && len(names) == known {
			return nil, fmt.Errorf("%s answered a question about its services with what are no names, such as %q", s.name,
				asked[0])
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); names == nil {
		names = []string{} // known to be none
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services = names
	return slices.Clone(names), nil
}

// isName reports whether name can be the name of a service. Servers may list names that no contract can have, such as
// "my-service".
func isName(name string) bool {
	return name != "" && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
}

// declared returns the services of the files, sorted.
func (s *Source) declared() []string {
	names := []string{}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			names = append(names, string(f.Services().Get(i).FullName()))
		}
		return true
	})
	slices.Sort(names)
	return names
}

// Find returns the descriptor of a symbol by its full name, with or without a dot before it: a message, field, oneof,
// enum, enum value, extension, service, method, or a file by its path. It returns a *NameError if there is none.
func (s *Source) Find(ctx context.Context, name string) (protoreflect.Descriptor, error) {
	name = strings.TrimPrefix(name, ".")
	d, err := s.symbol(ctx, protoreflect.FullName(name))
	if err == nil || !errors.Is(err, protoregistry.NotFound) {
		return d, err
	}
	if strings.HasSuffix(name, ".proto") {
		f, err := s.file(ctx, name)
		if err == nil || !errors.Is(err, protoregistry.NotFound) {
			return f, err
		}
	}
	return nil, &NameError{What: "symbol", Name: name, In: s.name, Near: s.nearSymbols(ctx, name)}
}

// Service returns a service by its full name, or by the end of it if only one matches: "Greeter" for
// "greeter.v1.Greeter". It returns a *NameError if there is none, or several.
func (s *Source) Service(ctx context.Context, name string) (protoreflect.ServiceDescriptor, error) {
	return s.serviceNamed(ctx, strings.Trim(name, "./"))
}

// Files returns the files known so far that declare something, sorted by their paths: all that the Source was made
// from, and those that a server was asked about, with their imports.
func (s *Source) Files() []protoreflect.FileDescriptor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]protoreflect.FileDescriptor, 0, s.files.NumFiles())
	s.files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		list = append(list, f)
		return true
	})
	slices.SortFunc(list, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	return list
}

// symbol returns the descriptor with a full name. The error is protoregistry.NotFound if there is none.
func (s *Source) symbol(ctx context.Context, name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if !name.IsValid() {
		return nil, protoregistry.NotFound
	}
	look := func() (protoreflect.Descriptor, error) { return s.files.FindDescriptorByName(name) }
	return lookUp(ctx, s, question{kind: askSymbol, text: string(name)}, look)
}

// file returns the file with a path. The error is protoregistry.NotFound if there is none.
func (s *Source) file(ctx context.Context, path string) (protoreflect.FileDescriptor, error) {
	look := func() (protoreflect.FileDescriptor, error) { return s.files.FindFileByPath(path) }
	return lookUp(ctx, s, question{kind: askFile, text: path}, look)
}

// extension returns an extension of a message by its number. The error is protoregistry.NotFound if there is none.
func (s *Source) extension(
	ctx context.Context, message protoreflect.FullName, number protoreflect.FieldNumber,
) (protoreflect.ExtensionType, error) {
	look := func() (protoreflect.ExtensionType, error) {
		return s.extensions.FindExtensionByNumber(message, number)
	}
	return lookUp(ctx, s, question{kind: askExtension, text: string(message), number: number}, look)
}

// maxAbsent limits how many questions without an answer are remembered, since messages of a peer may name any number of
// types that do not exist.
const maxAbsent = 4096

// lookUp returns the result of look, and asks the server first if necessary. look is called with the lock held.
func lookUp[T any](ctx context.Context, s *Source, q question, look func() (T, error)) (T, error) {
	s.mu.RLock()
	found, err := look()
	_, absent := s.absent[q]
	s.mu.RUnlock()
	if err == nil || s.remote == nil || absent {
		return found, err
	}
	select {
	case s.loading <- struct{}{}:
		defer func() { <-s.loading }()
	case <-ctx.Done():
		return found, fairlead.ErrorOf(ctx.Err())
	}
	s.mu.RLock()
	found, err = look() // the goroutine that asked before may have had the same question
	s.mu.RUnlock()
	if err == nil {
		return found, nil
	}
	failed := s.load(ctx, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err = look()
	switch {
	case err == nil:
		return found, nil
	case failed == nil:
		return found, fmt.Errorf("%s answered a question about %s with files that do not have it", s.name, q)
	case errors.Is(failed, protoregistry.NotFound):
		if len(s.absent) >= maxAbsent {
			clear(s.absent)
		}
		s.absent[q] = struct{}{}
	}
	return found, failed
}

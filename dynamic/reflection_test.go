package dynamic_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/dynamic"
)

// scripted is a Binder whose server answers each question as a function says, in the versions that it has.
type scripted struct {
	versions []string // the packages of reflection that are served
	answer   func(question []byte) ([]byte, error)
	asked    []string // the packages that were asked
	endless  bool     // streams do not end by themselves
}

func (s *scripted) Bind(m *fairlead.Method) fairlead.Handler {
	return func(_ context.Context, c *fairlead.Call) error {
		pkg := strings.TrimSuffix(m.Service, ".ServerReflection")
		s.asked = append(s.asked, pkg)
		served := false
		for _, v := range s.versions {
			served = served || v == pkg
		}
		if !served {
			return fairlead.PeerError(fairlead.Unimplemented, "no such service", nil)
		}
		st := &scriptedStream{s: s}
		if s.endless {
			st.closed = make(chan struct{})
		}
		c.Wire().SetStream(st)
		return nil
	}
}

type scriptedStream struct {
	s        *scripted
	question []byte
	done     bool
	once     sync.Once
	closed   chan struct{} // not nil: the stream does not end before it is closed
}

func (st *scriptedStream) Send(m any) error {
	st.question = m.(*fairlead.Raw).Data
	return nil
}

func (st *scriptedStream) Recv(m any) error {
	if st.done && st.closed != nil {
		<-st.closed
	}
	if st.done {
		return io.EOF
	}
	st.done = true
	b, err := st.s.answer(st.question)
	m.(*fairlead.Raw).Data = b
	return err
}

func (st *scriptedStream) CloseSend() error { return nil }

func (st *scriptedStream) Close() error {
	if st.closed != nil {
		st.once.Do(func() { close(st.closed) })
	}
	return nil
}

// question returns the number and the text of a question.
func question(b []byte) (protowire.Number, string) {
	num, _, n := protowire.ConsumeTag(b)
	text, _ := protowire.ConsumeBytes(b[n:])
	return num, string(text)
}

// answerFiles encodes an answer with files.
func answerFiles(files ...*descriptorpb.FileDescriptorProto) ([]byte, error) {
	var list []byte
	for _, f := range files {
		b, err := proto.Marshal(f)
		if err != nil {
			return nil, err
		}
		list = protowire.AppendTag(list, 1, protowire.BytesType)
		list = protowire.AppendBytes(list, b)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), list), nil
}

func answerFailure(code fairlead.Code, text string) ([]byte, error) {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(code))
	b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), text)
	return protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), b), nil
}

const (
	v1      = "grpc.reflection.v1"
	v1alpha = "grpc.reflection.v1alpha"
)

// byFile answers questions about files with one file each, as some servers do, and about any symbol with the shop.
func byFile(t testing.TB) func([]byte) ([]byte, error) {
	t.Helper()
	set := files(t, contract)
	return func(q []byte) ([]byte, error) {
		kind, text := question(q)
		for _, f := range set.File {
			if kind == 3 && f.GetName() == text || kind == 4 && f.GetName() == "shop/v1/shop.proto" &&
				strings.HasPrefix(text, "shop.v1.Cart") {
				return answerFiles(f)
			}
		}
		return answerFailure(fairlead.NotFound, "not found: "+text)
	}
}

func TestOldReflection(t *testing.T) {
	t.Parallel()
	s := &scripted{versions: []string{v1alpha}, answer: byFile(t)}
	src, err := dynamic.FromServer(s)
	if err != nil {
		t.Fatal(err)
	}
	m, err := src.Method(t.Context(), "shop.v1.Cart/Add")
	if err != nil || dynamic.DescriptorOf(m).Input().Fields().Len() != 2 {
		t.Fatalf("got %v, %v", m, err)
	}
	// v1 was asked once, then for each import v1alpha; google/protobuf/any.proto is known.
	if want := []string{v1, v1alpha, v1alpha}; strings.Join(s.asked, " ") != strings.Join(want, " ") {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
	// A question without an answer is not asked again.
	n := len(s.asked)
	for range 3 {
		if _, err := src.Resolver(t.Context()).FindMessageByURL("x/no.Such"); err == nil {
			t.Error("got no error")
		}
	}
	if len(s.asked) != n+1 {
		t.Errorf("asked %d times for the same, want once", len(s.asked)-n)
	}
}

func TestReflectionFailures(t *testing.T) {
	t.Parallel()
	both := []string{v1, v1alpha}
	other := &descriptorpb.FileDescriptorProto{Name: new("other.proto")}
	wrong := &descriptorpb.FileDescriptorProto{
		Name: new("wrong.proto"), MessageType: []*descriptorpb.DescriptorProto{{Name: new("not a name")}},
	}
	circle := &descriptorpb.FileDescriptorProto{Name: new("circle.proto"), Dependency: []string{"circle.proto"}}
	tests := []struct {
		name   string
		answer func() ([]byte, error)
		code   fairlead.Code
		want   string
	}{
		{"no reflection", nil, fairlead.Unknown, "the server: the server has no reflection"},
		{"unavailable", func() ([]byte, error) {
			return nil, fairlead.PeerError(fairlead.Unavailable, "gone", nil)
		}, fairlead.Unavailable, "gone"},
		{"no answer", func() ([]byte, error) { return nil, io.EOF }, fairlead.Internal, "without an answer"},
		{"something else", func() ([]byte, error) { return nil, nil }, fairlead.Unknown, "something else, or nothing"},
		{"malformed", func() ([]byte, error) { return []byte{0xff}, nil }, fairlead.Unknown, "malformed answer"},
		{"failure", func() ([]byte, error) {
			return answerFailure(fairlead.PermissionDenied, "not\x1b for\x00you")
		}, fairlead.PermissionDenied, "not\ufffd for\ufffdyou"},
		{"text that is not UTF-8", func() ([]byte, error) {
			return answerFailure(fairlead.PermissionDenied, "for\xffyou")
		}, fairlead.Unknown, "malformed answer"},
		{"failure without a code", func() ([]byte, error) { return answerFailure(0, "?") }, fairlead.Unknown, "UNKNOWN"},
		{"no file", func() ([]byte, error) {
			b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0xff})
			return protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), b), nil
		}, fairlead.Unknown, "no FileDescriptorProto"},
		{"another file", func() ([]byte, error) { return answerFiles(other) }, fairlead.Unknown, "do not have it"},
		{"a wrong file", func() ([]byte, error) { return answerFiles(wrong) }, fairlead.Unknown, "wrong.proto"},
		{"a circle", func() ([]byte, error) { return answerFiles(circle) }, fairlead.Unknown, "imports itself"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{versions: both, answer: func([]byte) ([]byte, error) { return tt.answer() }}
			if tt.answer == nil {
				s.versions = nil
			}
			src, err := dynamic.FromServer(s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = src.Method(t.Context(), "a.B/C")
			if err == nil || !strings.Contains(err.Error(), tt.want) || fairlead.CodeOf(err) != tt.code {
				t.Errorf("got %v (%s), want %s and %q in it", err, fairlead.CodeOf(err), tt.code, tt.want)
			}
		})
	}
}

func TestEndOfContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	entered := make(chan struct{})
	s := &scripted{versions: []string{v1}, answer: func([]byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	src, err := dynamic.FromServer(s)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := src.Method(ctx, "a.B/C")
		done <- err
	}()
	<-entered
	// Somebody else does not wait longer than he wants to.
	short, stop := context.WithCancel(t.Context())
	stop()
	if _, err := src.Method(short, "a.B/C"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	cancel()
	if err := <-done; fairlead.CodeOf(err) != fairlead.Canceled {
		t.Errorf("got %v, want CANCELLED", err)
	}
}

// TestServicesWithoutContract: a server may name what it does not describe, and what is no name.
func TestServicesWithoutContract(t *testing.T) {
	t.Parallel()
	s := &scripted{versions: []string{v1}, answer: func(q []byte) ([]byte, error) {
		switch kind, text := question(q); {
		case kind == 7:
		case text == "a.Secret":
			return answerFailure(fairlead.PermissionDenied, "not for you")
		default:
			return answerFailure(fairlead.NotFound, "")
		}
		var list []byte
		for _, name := range []string{"a.Secret", "a.Ghost", "no name", "a.Ghost"} {
			entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
			list = protowire.AppendBytes(protowire.AppendTag(list, 1, protowire.BytesType), entry)
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), list), nil
	}}
	src, err := dynamic.FromServer(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := src.Services(t.Context()); err != nil || !slices.Equal(got, []string{"a.Ghost", "a.Secret"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, name := range []string{"a.Ghost/Do", "Ghost/Do"} {
		_, err := src.Method(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), "does not have its contract") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err = src.Method(t.Context(), "Do")
	if !errors.As(err, new(*dynamic.NameError)) || !strings.Contains(err.Error(), "not for you") {
		t.Errorf("a method that may be one of a service whose contract is kept back: got %v", err)
	}
}

// TestForgedWellKnown: files that misrepresent what protojson relies upon are refused.
func TestForgedWellKnown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`file: {name: "any.proto" package: "google.protobuf" message_type: {name: "Any"}}`,
		`file: {name: "a.proto" dependency: "lost.proto"
			message_type: {name: "M" field: {name: "f" number: 1 type_name: ".x.Y" label: LABEL_OPTIONAL}}}`,
		`file: {name: "a.proto" package: "google.protobuf" message_type: {name: "Timestamp" field: {
			name: "seconds" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL}}}`,
	} {
		if _, err := dynamic.FromSet(files(t, text)); err == nil {
			t.Errorf("got no error for %s", text)
		}
	}
	// The real ones are taken from the program, whoever sends them.
	for _, path := range []string{"google/protobuf/any.proto", "google/protobuf/Any.proto", "lost.proto"} {
		genuine := files(t, `file: {name: "a.proto" dependency: "`+path+`"
			message_type: {name: "M" field: {
				name: "any" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL}}}`)
		src, err := dynamic.FromSet(genuine)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		d, err := src.Find(t.Context(), "M.any")
		if field, ok := d.(protoreflect.FieldDescriptor); err != nil || !ok || field.Message().IsPlaceholder() {
			t.Errorf("%s: got %v, %v, want a field with a message that is known", path, d, err)
		}
	}
}

// TestImports: an import that cannot be built fails what needs it, and nothing else.
func TestImports(t *testing.T) {
	t.Parallel()
	const service = `service: {name: "S" method: {name: "Do" input_type: ".a.In" output_type: ".a.In"}}`
	const unneeded = `file: {name: "a.proto" package: "a" dependency: "b.proto"
		message_type: {name: "In"} ` + service + `}`
	const needed = `file: {name: "a.proto" package: "a" dependency: "b.proto" ` + service + `}`
	const stamped = `file: {name: "a.proto" package: "a"
		dependency: "b.proto" dependency: "google/protobuf/timestamp.proto"
		message_type: {name: "In" field: {
			name: "at" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL}} ` +
		service + `}`
	const stampedByCopy = `file: {name: "a.proto" package: "a" dependency: "b.proto"
		message_type: {name: "In" field: {
			name: "at" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL}} ` +
		service + `}`
	const placeholder = `file: {name: "b.proto" syntax: "<unknown:0>"}`
	const forged = `file: {name: "b.proto" package: "google.protobuf" message_type: {name: "Timestamp" field: {
		name: "seconds" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL}}}`
	const otherCase = `file: {name: "b.proto" package: "google.protobuf" syntax: "proto3" message_type: {name: "Timestamp"
		field: {name: "Seconds" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL}
		field: {name: "Nanos" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL}}}`
	const circle = `file: {name: "b.proto" dependency: "b.proto"}`
	const wrong = `file: {name: "b.proto" message_type: {name: "not a name"}}`
	const deep = `file: {name: "b.proto" dependency: "c.proto"} file: {name: "c.proto" message_type: {name: "not a name"}}`
	failure := func() ([]byte, error) { return answerFailure(fairlead.Internal, "cannot say") }
	tests := []struct {
		name  string
		files string                 // that are sent at once
		b     func() ([]byte, error) // the answer about b.proto, where it is not sent; nil: there is none
		want  string                 // in the error; "": there is none
	}{
		{"missing", unneeded, nil, ""},
		{"placeholder", unneeded + placeholder, nil, ""},
		{"wrong", unneeded + wrong, nil, ""},
		{"wrong further away", unneeded + deep, nil, ""},
		{"circle", unneeded + circle, nil, ""},
		{"failure", unneeded, failure, ""},
		{"forged", stamped + forged, nil, ""},
		{"letters in another case", stamped + otherCase, nil, ""},
		{"a copy that is not needed", stampedByCopy + otherCase, nil, ""},
		{"missing and needed", needed, nil, "lacks the message a.In, whose file is not there"},
		{"placeholder and needed", needed + placeholder, nil, "lacks the message a.In, whose file is not there"},
		{"wrong and needed", needed + wrong, nil, `b.proto: proto: descriptor "" has an invalid nested name: "not a name"`},
		{"circle and needed", needed + circle, nil, "b.proto imports itself"},
		{"failure and needed", needed, failure, "cannot say"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{versions: []string{v1}, answer: func(q []byte) ([]byte, error) {
				switch kind, text := question(q); {
				case kind == 4 && text == "a.S":
					return answerFiles(files(t, tt.files).File...)
				case kind == 3 && text == "b.proto" && tt.b != nil:
					return tt.b()
				default:
					return answerFailure(fairlead.NotFound, "not found: "+text)
				}
			}}
			src, err := dynamic.FromServer(s)
			if err != nil {
				t.Fatal(err)
			}
			m, err := src.Method(t.Context(), "a.S/Do")
			if tt.want != "" {
				if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), tt.want) {
					t.Errorf("got %v, want %q in it", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			request := dynamic.NewRequest(m)
			if request.Descriptor().Fields().Len() == 0 {
				return
			}
			const text = `{"at":"2026-11-30T12:00:00Z"}`
			o := protojson.UnmarshalOptions{Resolver: src.Resolver(t.Context())}
			if err := o.Unmarshal([]byte(text), request); err != nil {
				t.Error(err)
			}
			if got, err := protojson.Marshal(request); err != nil || !sameJSON(t, string(got), text) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

// TestNoStatus: a server that answers and does not end the stream has answered.
func TestNoStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{versions: []string{v1}, answer: byFile(t), endless: true}
		src, err := dynamic.FromServer(s)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := src.Find(t.Context(), "shop.v1.Cart"); err != nil {
			t.Error(err)
		}
		if got := time.Since(begun); got != 2*time.Second { // the file, and one that it imports
			t.Errorf("got %v, want a second for each question", got)
		}
	})
}

// TestNonsense: a server that answers something else than it was asked is told apart from one that has nothing.
func TestNonsense(t *testing.T) {
	t.Parallel()
	named := func(names ...string) []byte {
		var list []byte
		for _, name := range names {
			entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
			list = protowire.AppendBytes(protowire.AppendTag(list, 1, protowire.BytesType), entry)
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), list)
	}
	ofFiles, err := answerFiles()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		answer []byte
		want   []string
		err    string
	}{
		{"empty", nil, nil, "answered a question about its services with something else, or nothing"},
		{"files", ofFiles, nil, "with something else"},
		{"no services", named(), []string{}, ""},
		{"no names", named("", "a b", "\x1b[2J"), nil, `what are no names, such as ""`},
		{"some names", named("a.B", "my-service", "\n"), []string{"a.B", "my-service"}, ""},
	}
	for _, tt := range tests {
		s := &scripted{versions: []string{v1}, answer: func([]byte) ([]byte, error) { return tt.answer, nil }}
		src, err := dynamic.FromServer(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := src.Services(t.Context())
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") ||
			err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: got %q, %v; want %q, %s", tt.name, got, err, tt.want, tt.err)
		}
	}
}

// FuzzAnswer has a server answer with anything, and works with whatever comes of it.
func FuzzAnswer(f *testing.F) {
	set := files(f, contract)
	for _, file := range set.File {
		b, err := answerFiles(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, []byte(`{"item":{}}`))
	}
	all, err := answerFiles(set.File...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all, []byte("\x0a\x02\x0a\x00\x12\x04\x0a\x00\x12\x00"))
	f.Fuzz(func(t *testing.T, answer, message []byte) {
		s := &scripted{versions: []string{v1}, answer: func([]byte) ([]byte, error) { return answer, nil }}
		src, err := dynamic.FromServer(s, dynamic.MaxBytes(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, _ = src.Method(ctx, "shop.v1.Cart/Add")
		for _, file := range src.Files() {
			for i := range file.Messages().Len() {
				use(ctx, src, file.Messages().Get(i), message)
			}
			for i := range file.Services().Len() {
				_, _ = src.Methods(ctx, string(file.Services().Get(i).FullName()))
			}
		}
	})
}

// use does with a type what callers do.
func use(ctx context.Context, src *dynamic.Source, d protoreflect.MessageDescriptor, encoded []byte) {
	r := src.Resolver(ctx)
	t, err := r.FindMessageByName(d.FullName())
	if err != nil {
		return
	}
	m := t.New().Interface()
	if proto.Unmarshal(encoded, m) == nil {
		r.DecodeExtensions(m)
		_, _ = protojson.MarshalOptions{Resolver: r.Opaque(), AllowPartial: true, EmitUnpopulated: true}.Marshal(m)
		_, _ = proto.Marshal(m)
	}
	_ = protojson.UnmarshalOptions{Resolver: r}.Unmarshal(encoded, t.New().Interface())
}

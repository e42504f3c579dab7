package protovalidate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	pv "buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// Evaluator applies rules with protovalidate. It is safe for concurrent use; one is enough for a program.
type Evaluator struct {
	validator pv.Validator
}

var _ rules.Evaluator = (*Evaluator)(nil)

// New makes an Evaluator. Expressions are compiled when they are first needed, which for those of a server's methods is
// when the server is made. The options are protovalidate's own, and a nil one is an error; WithNowFunc has no effect,
// since the middleware sets the time.
func New(opts ...pv.ValidatorOption) (*Evaluator, error) {
	if slices.Contains(opts, nil) {
		return nil, errors.New("protovalidate: nil ValidatorOption")
	}
	v, err := pv.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("protovalidate: %w", err)
	}
	return &Evaluator{validator: v}, nil
}

// Prepare implements rules.Evaluator.
func (e *Evaluator) Prepare(message any, part *rules.Part) error {
	m, err := messageOf(message)
	if err != nil {
		return err
	}
	// An empty message has the rules of the message compiled, and of fields without presence. A broken rule, or an
	// expression that the message is too empty for, is no fault of theirs.
	err = e.validate(m, options(m, part, false, time.Time{})...)
	if broken, ok := errors.AsType[*pv.CompilationError](err); ok {
		return fmt.Errorf("%s: %w", m.ProtoReflect().Descriptor().FullName(), broken)
	}
	return nil
}

// validate is the library's, with its panics as errors: what is validated comes from anybody.
func (e *Evaluator) validate(m proto.Message, opts ...pv.ValidationOption) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("protovalidate panicked: %v", p)
		}
	}()
	return e.validator.Validate(m, opts...)
}

// largeMessage is the size in bytes from which on only the first violation is looked for: protovalidate keeps all of
// them, a message may have thousands, and each takes about a kilobyte.
const largeMessage = 4 << 10

// Evaluate implements rules.Evaluator.
func (e *Evaluator) Evaluate(message any, part *rules.Part, v *rules.Violations) error {
	m, err := messageOf(message)
	if err != nil {
		return err
	}
	first := v.FirstOnly() || proto.Size(m) > largeMessage
	err = e.validate(m, options(m, part, first, v.Now())...)
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[*pv.ValidationError](err)
	if !ok {
		return fmt.Errorf("%s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	for _, x := range broken.Violations {
		v.AddPath(rules.Violation{
			Field:   pv.FieldPathString(x.Proto.GetField()),
			Rule:    x.Proto.GetRuleId(),
			Message: x.Proto.GetMessage(),
			ForKey:  x.Proto.GetForKey(),
		})
	}
	return nil
}

func messageOf(message any) (proto.Message, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message of protobuf", message)
	}
	return m, nil
}

func options(m proto.Message, part *rules.Part, first bool, now time.Time) []pv.ValidationOption {
	opts := []pv.ValidationOption{
		pv.WithNowFunc(func() *timestamppb.Timestamp { return timestamppb.New(now) }),
	}
	if part != nil {
		opts = append(opts, pv.WithFilter(&filter{root: m.ProtoReflect(), part: part}))
	}
	if first {
		opts = append(opts, pv.WithFailFast())
	}
	return opts
}

// filter lets the rules of a part through: generated code does the others, and those of messages further down.
type filter struct {
	root protoreflect.Message
	part *rules.Part
}

// ShouldValidate implements protovalidate's Filter.
func (f *filter) ShouldValidate(m protoreflect.Message, d protoreflect.Descriptor) bool {
	if m != f.root {
		return false
	}
	switch d := d.(type) {
	case protoreflect.MessageDescriptor:
		return f.part.Self
	case protoreflect.FieldDescriptor:
		return slices.Contains(f.part.Fields, string(d.Name()))
	default:
		return false // a oneof, whose rules are always compiled
	}
}

package protovalidate

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	pv "buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/fairlead-go/fairlead/contrib/protovalidate/internal/rules"
	"github.com/fairlead-go/fairlead/middleware/validate"
)

// TestAgreement validates random messages with generated code and with protovalidate. Both have to find the same rules
// broken at the same places.
func TestAgreement(t *testing.T) {
	t.Parallel()
	t.Run("expressions", func(t *testing.T) {
		t.Parallel()
		// The expressions of the schema are what counts.
		agree(t, newLibrary(t, pv.WithDisableNativeRules()), func(protoreflect.Message) bool { return true })
	})
	t.Run("shortcuts", func(t *testing.T) {
		t.Parallel()
		// Protovalidate has shortcuts for most of them, which panic on lists of wrappers and take an empty header
		// value for a wrong one if the rule is not strict.
		agree(t, newLibrary(t), func(m protoreflect.Message) bool {
			switch m := m.Interface().(type) {
			case *rules.Wrappers, *rules.All:
				return false
			case *rules.Formats:
				return m.GetLooseValue() != ""
			default:
				return true
			}
		})
	})
}

// agree compares with the library all messages for which it is right.
func agree(t *testing.T, library *library, right func(protoreflect.Message) bool) {
	t.Helper()
	evaluator, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var types []protoreflect.MessageType
	for _, file := range []protoreflect.FileDescriptor{
		rules.File_internal_rules_rules_proto, rules.File_internal_rules_opaque_proto,
		rules.File_internal_rules_expressions_proto,
	} {
		for i := range file.Messages().Len() {
			mt, err := protoregistry.GlobalTypes.FindMessageByName(file.Messages().Get(i).FullName())
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, mt)
		}
	}
	for _, mt := range types {
		name := mt.Descriptor().Name()
		if name == "Broken" || name == "Wrong" {
			continue // they are about errors that are no verdicts
		}
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			seed := uint64(1)
			for _, c := range name {
				seed = seed*31 + uint64(c)
			}
			r := source{rand.New(rand.NewPCG(seed, 7))}
			counts := make(map[bool]int)
			runs, depth := samples, 2
			if name == "All" {
				runs, depth = samples/4, 4
			}
			for i := range runs {
				m := mt.New()
				r.fill(m, depth)
				if !right(m) {
					continue
				}
				if i%2 == 0 && name != "All" {
					library.mend(r, m)
				}
				// What the wire makes of a message is what handlers see.
				wire, err := proto.Marshal(m.Interface())
				if err != nil {
					continue // required fields of proto2
				}
				got := mt.New().Interface()
				if err := proto.Unmarshal(wire, got); err != nil {
					t.Fatal(err)
				}
				if !right(got.ProtoReflect()) {
					continue
				}
				valid := compare(t, library, evaluator, got)
				counts[valid]++
			}
			t.Logf("%d valid, %d invalid", counts[true], counts[false])
		})
	}
}

// compare validates m twice, and says whether it is valid.
func compare(t *testing.T, library *library, evaluator *Evaluator, m proto.Message) bool {
	t.Helper()
	want := library.validate(t, m)
	err := validate.Check(m, validate.Limit(10_000), validate.Expressions(evaluator),
		validate.Clock(func() time.Time { return present }))
	var got []string
	var broken *validate.Error
	if err != nil && !errors.As(err, &broken) {
		t.Fatalf("%s: %v", m.ProtoReflect().Descriptor().Name(), err)
	}
	if broken != nil {
		for _, v := range broken.Violations {
			got = append(got, describe(v.Field, v.Rule, v.ForKey))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("of %s\ngenerated code finds %s\nprotovalidate finds %s\nin %s", m.ProtoReflect().Descriptor().Name(),
			strings.Join(without(got, want), "; "), strings.Join(without(want, got), "; "), prototext.Format(m))
	}
	return len(want) == 0
}

func describe(field, rule string, forKey bool) string {
	if forKey {
		field += " (key)"
	}
	return field + ": " + rule
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// library is protovalidate alone.
type library struct{ pv.Validator }

func newLibrary(t *testing.T, opts ...pv.ValidatorOption) *library {
	t.Helper()
	now := pv.WithNowFunc(func() *timestamppb.Timestamp { return timestamppb.New(present) })
	v, err := pv.New(append(opts, now)...)
	if err != nil {
		t.Fatal(err)
	}
	return &library{v}
}

// violations returns what protovalidate finds wrong with m.
func (l *library) violations(m proto.Message) ([]*pv.Violation, error) {
	err := l.Validate(m)
	if broken, ok := errors.AsType[*pv.ValidationError](err); ok {
		return broken.Violations, nil
	}
	return nil, err
}

func (l *library) validate(t *testing.T, m proto.Message) []string {
	t.Helper()
	violations, err := l.violations(m)
	if err != nil {
		t.Fatalf("protovalidate: %v", err)
	}
	var all []string
	for _, v := range violations {
		all = append(all, describe(pv.FieldPathString(v.Proto.GetField()), v.Proto.GetRuleId(), v.Proto.GetForKey()))
	}
	slices.Sort(all)
	return all
}

// mend gives the fields of m that break rules other values until most do not.
func (l *library) mend(r source, m protoreflect.Message) {
	for range 120 {
		violations, err := l.violations(m.Interface())
		if err != nil || len(violations) == 0 {
			return
		}
		for _, v := range violations {
			path := v.Proto.GetField().GetElements()
			if len(path) == 0 { // of the message as a whole
				m.Clear(m.Descriptor().Fields().Get(r.IntN(m.Descriptor().Fields().Len())))
				continue
			}
			name := protoreflect.Name(path[0].GetFieldName())
			if f := m.Descriptor().Fields().ByName(name); f != nil {
				r.set(m, f, 1)
			} else if o := m.Descriptor().Oneofs().ByName(name); o != nil {
				r.set(m, o.Fields().Get(r.IntN(o.Fields().Len())), 1)
			}
		}
	}
}

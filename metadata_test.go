package fairlead

import (
	"slices"
	"testing"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// pairs lists a Metadata as All has it.
func pairs(m *Metadata) []string {
	var list []string
	for k, v := range m.All() {
		list = append(list, k+"="+v)
	}
	return list
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	var m Metadata
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"the zero value", func() {}, nil},
		{"Add lowers keys and keeps values", func() { m.Add("Key", "A"); m.Add("other", "x"); m.Add("KEY", "B") },
			[]string{"key=A", "other=x", "key=B"}},
		{"Append", func() { m.Append("last", "") }, []string{"key=A", "other=x", "key=B", "last="}},
		{"Set replaces all values and goes to the end", func() { m.Set("kEy", "C") },
			[]string{"other=x", "last=", "key=C"}},
		{"Del of a key that is not there", func() { m.Del("none") }, []string{"other=x", "last=", "key=C"}},
		{"Del", func() { m.Del("Last") }, []string{"other=x", "key=C"}},
		{"Grow keeps what is there", func() { m.Grow(10) }, []string{"other=x", "key=C"}},
		{"Reset", func() { m.Reset() }, nil},
		{"Set of a new key", func() { m.Set("a", "1") }, []string{"a=1"}},
	}
	for _, step := range steps {
		step.do()
		if got := pairs(&m); !slices.Equal(got, step.want) {
			t.Fatalf("%s: got %q, want %q", step.name, got, step.want)
		}
		if m.Len() != len(step.want) {
			t.Errorf("%s: got length %d, want %d", step.name, m.Len(), len(step.want))
		}
	}
}

func TestMetadataLookup(t *testing.T) {
	t.Parallel()
	var m Metadata
	m.Add("a", "1")
	m.Add("b", "")
	m.Add("a", "2")
	if got := m.Get("a"); got != "1" {
		t.Errorf("Get: got %q, want the first value", got)
	}
	if got := m.Values("a"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("Values: got %q", got)
	}
	for _, key := range []string{"a", "A"} {
		if got := m.Values(key); !slices.Equal(got, []string{"1", "2"}) || m.Get(key) != "1" || !m.Has(key) {
			t.Errorf("%s: got %q, Get %q, Has %v; want it in any case", key, got, m.Get(key), m.Has(key))
		}
	}
	for _, key := range []string{"c", "C"} {
		if m.Get(key) != "" || m.Values(key) != nil || m.Has(key) {
			t.Errorf("%s: it is not there, and found", key)
		}
	}
	if !m.Has("b") {
		t.Error("b: it is there, without a value, and not found")
	}
	if k, v := m.At(2); k != "a" || v != "2" {
		t.Errorf("At: got %q, %q", k, v)
	}
	for range m.All() {
		break // leaving early must not panic
	}
	clone := m.Clone()
	clone.Set("a", "changed")
	clone.Add("d", "4")
	if got, want := pairs(&m), []string{"a=1", "b=", "a=2"}; !slices.Equal(got, want) {
		t.Errorf("the original of a changed clone: got %q, want %q", got, want)
	}
	var empty Metadata
	if clone := empty.Clone(); clone.Len() != 0 {
		t.Errorf("got a clone of nothing with %d pairs", clone.Len())
	}
}

func TestMetadataAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	var m Metadata
	m.Grow(4)
	assert.Allocs(t, 0, func() {
		m.Reset()
		m.Add("lower-case", "v")
		m.Append("another", "v")
		if m.Get("another") != "v" || !m.Has("lower-case") || m.Get("none") != "" || m.Values("none") != nil {
			t.Error("lost")
		}
	})
}

package fairlead

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Metadata is an ordered list of keys and values that is sent before or after the messages of a call. Keys are in lower
// case and may repeat; Get, Has, Values, Add, Set and Del accept them in any case. Values of keys that end in "-bin"
// are arbitrary bytes; other values are printable ASCII. The zero value is empty and ready to use. Metadata is not safe
// for concurrent use.
type Metadata struct{ kv []string }

// Get returns the first value of key, "" if there is none.
func (m *Metadata) Get(key string) string {
	if i := m.find(key); i >= 0 {
		return m.kv[i+1]
	}
	return ""
}

// Values returns all values of key in order, nil if there is none.
func (m *Metadata) Values(key string) []string {
	i := m.find(key)
	if i < 0 {
		return nil
	}
	key = m.kv[i] // in lower case
	var vs []string
	for ; i < len(m.kv); i += 2 {
		if m.kv[i] == key {
			vs = append(vs, m.kv[i+1])
		}
	}
	return vs
}

// Has reports whether key has a value.
func (m *Metadata) Has(key string) bool { return m.find(key) >= 0 }

// find returns the index of the first pair of key in kv, -1 if there is none. It lowers the key only if it does not
// find it as it is. So a key in lower case costs nothing more if it is there, and no allocation if it is not.
func (m *Metadata) find(key string) int {
	for i := 0; i < len(m.kv); i += 2 {
		if m.kv[i] == key {
			return i
		}
	}
	if isLower(key) {
		return -1
	}
	lower := strings.ToLower(key)
	for i := 0; i < len(m.kv); i += 2 {
		if m.kv[i] == lower {
			return i
		}
	}
	return -1
}

// isLower reports whether key has no characters but ASCII ones in lower case and such as have no case.
func isLower(key string) bool {
	for i := range len(key) {
		if c := key[i]; 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Add appends a value of key.
func (m *Metadata) Add(key, value string) { m.kv = append(m.kv, strings.ToLower(key), value) }

// Append is Add for protocols, which know that key is in lower case.
func (m *Metadata) Append(key, value string) { m.kv = append(m.kv, key, value) }

// Set replaces the values of key by one.
func (m *Metadata) Set(key, value string) {
	m.Del(key)
	m.Add(key, value)
}

// Del removes all values of key.
func (m *Metadata) Del(key string) {
	key = strings.ToLower(key)
	kept := m.kv[:0]
	for i := 0; i < len(m.kv); i += 2 {
		if m.kv[i] != key {
			kept = append(kept, m.kv[i], m.kv[i+1])
		}
	}
	clear(m.kv[len(kept):])
	m.kv = kept
}

// Len returns the number of pairs.
func (m *Metadata) Len() int { return len(m.kv) / 2 }

// At returns pair i, counted from 0.
func (m *Metadata) At(i int) (key, value string) { return m.kv[2*i], m.kv[2*i+1] }

// All ranges over the pairs in their order.
func (m *Metadata) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i < len(m.kv); i += 2 {
			if !yield(m.kv[i], m.kv[i+1]) {
				return
			}
		}
	}
}

// Grow makes room for n more pairs.
func (m *Metadata) Grow(n int) {
	if cap(m.kv)-len(m.kv) < 2*n {
		kv := make([]string, len(m.kv), len(m.kv)+2*n)
		copy(kv, m.kv)
		m.kv = kv
	}
}

// Reset empties m and keeps its memory.
func (m *Metadata) Reset() {
	clear(m.kv)
	m.kv = m.kv[:0]
}

// Clone returns a copy that shares nothing with m but the strings.
func (m *Metadata) Clone() Metadata {
	if len(m.kv) == 0 {
		return Metadata{}
	}
	return Metadata{append([]string(nil), m.kv...)}
}

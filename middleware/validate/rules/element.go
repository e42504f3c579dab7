package rules

import (
	"strconv"
	"unicode/utf8"
)

// Element is one step of the path to a field. It is a plain value; making one allocates nothing.
type Element struct {
	name string
	key  string
	n    uint64
	kind elementKind
}

type elementKind uint8

const (
	plainField elementKind = iota
	indexed
	signedKey
	unsignedKey
	boolKey
	stringKey
)

// Field returns the field of that name.
func Field(name string) Element { return Element{name: name} }

// Index returns the i-th element of a repeated field.
func Index(name string, i int) Element {
	return Element{name: name, n: uint64(max(i, 0)), kind: indexed}
}

// IntKey returns the entry of a map with that key.
func IntKey(name string, key int64) Element {
	return Element{name: name, n: uint64(key), kind: signedKey}
}

// UintKey returns the entry of a map with that key.
func UintKey(name string, key uint64) Element { return Element{name: name, n: key, kind: unsignedKey} }

// BoolKey returns the entry of a map with that key.
func BoolKey(name string, key bool) Element {
	e := Element{name: name, kind: boolKey}
	if key {
		e.n = 1
	}
	return e
}

// StringKey returns the entry of a map with that key.
func StringKey(name, key string) Element { return Element{name: name, key: key, kind: stringKey} }

// longestKey is how much of a string key is shown, in bytes, so that a key of megabytes is not sent back.
const longestKey = 128

// append appends the element as protovalidate writes it: items[3], labels["a"].
func (e *Element) append(dst []byte) []byte {
	dst = append(dst, e.name...)
	if e.kind == plainField {
		return dst
	}
	dst = append(dst, '[')
	switch e.kind {
	case indexed, unsignedKey:
		dst = strconv.AppendUint(dst, e.n, 10)
	case signedKey:
		dst = strconv.AppendInt(dst, int64(e.n), 10)
	case boolKey:
		dst = strconv.AppendBool(dst, e.n == 1)
	case stringKey:
		dst = strconv.AppendQuote(dst, shorten(e.key, longestKey))
	case plainField:
	}
	return append(dst, ']')
}

// shorten cuts s to limit bytes, between characters, and marks the cut.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

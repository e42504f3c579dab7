package fairlead

import (
	"slices"
	"strings"
	"time"
)

// The types of details that this package reads and writes itself, as google/rpc/error_details.proto defines them. They
// are small, and the package imports the standard library alone.
const (
	typePrefix    = "type.googleapis.com/"
	errorInfoName = "google.rpc.ErrorInfo"
	retryInfoName = "google.rpc.RetryInfo"
	errorInfoType = typePrefix + errorInfoName
	retryInfoType = typePrefix + retryInfoName
)

// The field numbers of the messages above, of google.protobuf.Duration, and of the entries of a map.
const (
	infoReason   = 1
	infoDomain   = 2
	infoMetadata = 3

	retryDelay = 1

	durationSeconds = 1
	durationNanos   = 2

	entryKey   = 1
	entryValue = 2
)

// ErrorInfo is the detail google.rpc.ErrorInfo of an error, by which programs tell errors apart.
type ErrorInfo struct {
	Reason   string            // "OUT_OF_STOCK"
	Domain   string            // "shop.example.com"
	Metadata map[string]string // nil when there is none
}

// Info returns the first ErrorInfo among the error's details, made here or by the peer, and reports whether there is
// one that can be read. The caller owns the metadata. Info may be called on nil.
func (e *Error) Info() (ErrorInfo, bool) {
	if d := e.detail(errorInfoName); d != nil {
		return parseErrorInfo(d.Value)
	}
	return ErrorInfo{}, false
}

// Retryable reports whether the error has a detail google.rpc.RetryInfo, which means that the same call may succeed
// later and may be repeated then. It returns how long to wait first; 0 leaves that to the caller. For errors without
// the detail the code decides. Retryable may be called on nil.
func (e *Error) Retryable() (after time.Duration, ok bool) {
	if d := e.detail(retryInfoName); d != nil {
		return parseRetryInfo(d.Value)
	}
	return 0, false
}

// With adds a pair to the metadata of the error's ErrorInfo and returns e. It is for use where the error is made. The
// last value of a key counts. An error that was made without a reason gets an ErrorInfo without one.
func (e *Error) With(key, value string) *Error {
	d := e.detail(errorInfoName)
	if d == nil {
		e.Details = append(e.Details, Detail{Type: errorInfoType})
		d = &e.Details[len(e.Details)-1]
	}
	// Fields of an encoded message may stand in any order, and a map's entries are fields. The capacity is clipped, since
	// a detail's bytes may belong to the code that made it.
	d.Value = appendMetadata(slices.Clip(d.Value), key, value)
	return e
}

// WithRetryAfter sets the detail google.rpc.RetryInfo, which means that the same call may succeed later and may be
// repeated after d, and returns e. It replaces one that is there. It is for use where the error is made. 0 leaves the
// wait to the client; a negative d counts as 0.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	value := appendRetryInfo(nil, max(d, 0))
	if old := e.detail(retryInfoName); old != nil {
		old.Value = value
		return e
	}
	return e.WithDetail(retryInfoType, value)
}

// WithDetail adds a detail and returns e. It is for use where the error is made. The last element of typeURL is the
// full name of a message ("type.googleapis.com/google.rpc.Help"), and value is that message encoded; e keeps value.
// Package protoerr takes messages instead of bytes.
func (e *Error) WithDetail(typeURL string, value []byte) *Error {
	e.Details = append(e.Details, Detail{Type: typeURL, Value: value})
	return e
}

// detail returns the first detail that is a message of that name.
func (e *Error) detail(name string) *Detail {
	if e == nil {
		return nil
	}
	for i := range e.Details {
		url := e.Details[i].Type
		if slash := strings.LastIndexByte(url, '/'); slash >= 0 && url[slash+1:] == name {
			return &e.Details[i]
		}
	}
	return nil
}

func appendErrorInfo(dst []byte, reason, domain string) []byte {
	dst = appendStringField(dst, infoReason, reason)
	return appendStringField(dst, infoDomain, domain)
}

// appendMetadata appends one entry of ErrorInfo's map.
func appendMetadata(dst []byte, key, value string) []byte {
	size := sizeStringField(key) + sizeStringField(value)
	dst = appendTag(dst, infoMetadata, wireBytes)
	dst = appendVarint(dst, uint64(size))
	dst = appendStringField(dst, entryKey, key)
	return appendStringField(dst, entryValue, value)
}

func appendRetryInfo(dst []byte, d time.Duration) []byte {
	var delay []byte
	if s := d / time.Second; s > 0 {
		delay = appendVarint(appendTag(delay, durationSeconds, wireVarint), uint64(s))
	}
	if ns := d % time.Second; ns > 0 {
		delay = appendVarint(appendTag(delay, durationNanos, wireVarint), uint64(ns))
	}
	dst = appendTag(dst, retryDelay, wireBytes)
	dst = appendVarint(dst, uint64(len(delay)))
	return append(dst, delay...)
}

// parseErrorInfo reads an encoded ErrorInfo. It returns false if b is malformed.
func parseErrorInfo(b []byte) (ErrorInfo, bool) {
	var info ErrorInfo
	for len(b) > 0 {
		var f wireField
		var ok bool
		if f, b, ok = nextField(b); !ok {
			return ErrorInfo{}, false
		}
		switch {
		case f.is(infoReason, wireBytes):
			info.Reason = string(f.bytes)
		case f.is(infoDomain, wireBytes):
			info.Domain = string(f.bytes)
		case f.is(infoMetadata, wireBytes):
			key, value, ok := parseEntry(f.bytes)
			if !ok {
				return ErrorInfo{}, false
			}
			if info.Metadata == nil {
				info.Metadata = make(map[string]string)
			}
			info.Metadata[key] = value
		}
	}
	return info, true
}

// parseEntry reads an entry of a map from strings to strings.
func parseEntry(b []byte) (key, value string, ok bool) {
	for len(b) > 0 {
		var f wireField
		if f, b, ok = nextField(b); !ok {
			return "", "", false
		}
		switch {
		case f.is(entryKey, wireBytes):
			key = string(f.bytes)
		case f.is(entryValue, wireBytes):
			value = string(f.bytes)
		}
	}
	return key, value, true
}

// parseRetryInfo reads an encoded RetryInfo. A negative delay becomes 0, and one that is too long the longest Duration.
// It returns false if b is malformed.
func parseRetryInfo(b []byte) (time.Duration, bool) {
	var seconds, nanos int64
	for len(b) > 0 {
		var f wireField
		var ok bool
		if f, b, ok = nextField(b); !ok {
			return 0, false
		}
		if !f.is(retryDelay, wireBytes) {
			continue
		}
		for delay := f.bytes; len(delay) > 0; {
			if f, delay, ok = nextField(delay); !ok {
				return 0, false
			}
			switch {
			case f.is(durationSeconds, wireVarint):
				seconds = int64(f.varint)
			case f.is(durationNanos, wireVarint):
				nanos = int64(int32(f.varint))
			}
		}
	}
	const longest = int64(1<<63-1) / int64(time.Second)
	switch {
	case seconds >= longest:
		return 1<<63 - 1, true
	case seconds < 0:
		return 0, true
	}
	nanos = min(max(nanos, 1-int64(time.Second)), int64(time.Second)-1) // beyond, it is no Duration, and might not fit
	return max(time.Duration(seconds)*time.Second+time.Duration(nanos), 0), true
}

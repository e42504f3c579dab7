// Package result is the file format of fairlead bench: what a run was and what it measured, as JSON.
//
// The format has a version. Within a version fields are added, never renamed, removed or given another meaning, so that
// programs that read it should ignore fields that they do not know. Names end in the unit: _ns are whole nanoseconds,
// _seconds fractions of seconds, _per_second rates. Times are RFC 3339.
package result

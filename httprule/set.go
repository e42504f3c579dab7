package httprule

import "fmt"

// FieldError is the error of a field that cannot be set from the text of a path or a query.
type FieldError struct {
	Field string // the path of the field, in the contract's names
	Value string // the text; "" if the error is not about one value
	Err   error  // the reason
}

// Error names the field, the value and the reason.
func (e *FieldError) Error() string {
	if e.Value == "" {
		return e.Field + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: %.64q %v", e.Field, e.Value, e.Err)
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// Set sets a field to its value, the only one of values. It is for generated code.
func Set[T any](field string, values []string, parse func(string) (T, error), set func(T)) error {
	if len(values) != 1 {
		return &FieldError{Field: field, Err: fmt.Errorf("has %d values and takes one", len(values))}
	}
	v, err := parse(values[0])
	if err != nil {
		return &FieldError{Field: field, Value: values[0], Err: err}
	}
	set(v)
	return nil
}

// SetMember is Set for a member of a oneof, or a field below one. Taken reports whether the oneof already has another
// member. It is for generated code.
func SetMember[T any](
	field string, values []string, taken bool, parse func(string) (T, error), set func(T),
) error {
	if taken {
		return &FieldError{Field: field, Err: errTaken}
	}
	return Set(field, values, parse, set)
}

// Append appends all values to a repeated field. It is for generated code.
func Append[T any](field string, values []string, parse func(string) (T, error), add func(T)) error {
	for _, value := range values {
		v, err := parse(value)
		if err != nil {
			return &FieldError{Field: field, Value: value, Err: err}
		}
		add(v)
	}
	return nil
}

// AppendMember is Append for a field below a member of a oneof. Taken reports whether the oneof already has another
// member. It is for generated code.
func AppendMember[T any](
	field string, values []string, taken bool, parse func(string) (T, error), add func(T),
) error {
	if taken {
		return &FieldError{Field: field, Err: errTaken}
	}
	return Append(field, values, parse, add)
}

// Make returns the message that a field points to, and makes it if there is none. It is for generated code.
func Make[M any](field **M) *M {
	if *field == nil {
		*field = new(M)
	}
	return *field
}

// Sub returns m or, if that is nil, a new message that it passes to set. It is for generated code.
func Sub[M any](m *M, set func(*M)) *M {
	if m == nil {
		m = new(M)
		set(m)
	}
	return m
}

package fairlead

import "strconv"

// Code is the outcome of a call, with the numbers that gRPC assigns
// (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md).
type Code uint32

// The codes. Each comment describes when to use the code.
const (
	// OK means success; an Error never carries it.
	OK Code = iota
	// Canceled means that the caller canceled the call.
	Canceled
	// Unknown is for errors that have no better code.
	Unknown
	// InvalidArgument means that the request is wrong whatever the state of the system.
	InvalidArgument
	// DeadlineExceeded means that the deadline passed before the call was over.
	DeadlineExceeded
	// NotFound means that the requested thing does not exist.
	NotFound
	// AlreadyExists means that the thing to be created exists already.
	AlreadyExists
	// PermissionDenied means that the caller is known and may not do this.
	PermissionDenied
	// ResourceExhausted means that a quota, a limit or a resource is used up.
	ResourceExhausted
	// FailedPrecondition means that the system's state must change before a retry makes sense.
	FailedPrecondition
	// Aborted means a conflict, such as a lost transaction: retry at a higher level.
	Aborted
	// OutOfRange means that a position lies past the valid range.
	OutOfRange
	// Unimplemented means that the method does not exist here.
	Unimplemented
	// Internal means that an invariant of the system is broken.
	Internal
	// Unavailable means that the service cannot be reached now: retry with back-off.
	Unavailable
	// DataLoss means unrecoverable loss or corruption.
	DataLoss
	// Unauthenticated means that the caller's credentials are missing or wrong.
	Unauthenticated

	codeCount
)

//nolint:gochecknoglobals // read-only
var codeNames = [codeCount]string{
	OK:                 "OK",
	Canceled:           "CANCELLED",
	Unknown:            "UNKNOWN",
	InvalidArgument:    "INVALID_ARGUMENT",
	DeadlineExceeded:   "DEADLINE_EXCEEDED",
	NotFound:           "NOT_FOUND",
	AlreadyExists:      "ALREADY_EXISTS",
	PermissionDenied:   "PERMISSION_DENIED",
	ResourceExhausted:  "RESOURCE_EXHAUSTED",
	FailedPrecondition: "FAILED_PRECONDITION",
	Aborted:            "ABORTED",
	OutOfRange:         "OUT_OF_RANGE",
	Unimplemented:      "UNIMPLEMENTED",
	Internal:           "INTERNAL",
	Unavailable:        "UNAVAILABLE",
	DataLoss:           "DATA_LOSS",
	Unauthenticated:    "UNAUTHENTICATED",
}

// String returns the code's name as the gRPC specification writes it, such as "NOT_FOUND", and "CODE(99)" for a
// number without a name.
func (c Code) String() string {
	if c < codeCount {
		return codeNames[c]
	}
	return "CODE(" + strconv.FormatUint(uint64(c), 10) + ")"
}

// HTTPStatus returns the HTTP status for the code, as google/rpc/code.proto maps it, and 500 for a number without a
// name.
func (c Code) HTTPStatus() int {
	switch c {
	case OK:
		return 200
	case Canceled:
		return 499 // client closed request
	case InvalidArgument, FailedPrecondition, OutOfRange:
		return 400
	case Unauthenticated:
		return 401
	case PermissionDenied:
		return 403
	case NotFound:
		return 404
	case AlreadyExists, Aborted:
		return 409
	case ResourceExhausted:
		return 429
	case Unimplemented:
		return 501
	case Unavailable:
		return 503
	case DeadlineExceeded:
		return 504
	default:
		return 500
	}
}

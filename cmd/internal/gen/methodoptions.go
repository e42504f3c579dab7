package gen

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/options"
)

// The numbers of the fields that hold the options of what they are named after, in descriptor.proto.
const (
	optionsOfMethod    = 4
	optionsOfEnumValue = 3
)

// The number of the field http_status in MethodOptions, and the statuses that it takes.
const (
	methodHTTPStatus = 3
	minSuccess       = 200
	maxSuccess       = 299
)

// extensionPath is the path from a declaration to a field of an option of its: the field that holds its options, the
// option's number, the field within it.
func extensionPath(holder int32, extension protoreflect.ExtensionType, inner ...int32) []int32 {
	return append([]int32{holder, int32(extension.TypeDescriptor().Number())}, inner...)
}

// methodOptions are the fields of a Method that options set.
type methodOptions struct {
	idempotency string // name of the constant; "": the default
	criticality string // as well
	timeout     time.Duration
	httpStatus  int // of HTTP rules; 0: the default
	json        jsonForm
}

// readMethodOptions reads the options of m, but for its HTTP rules.
func readMethodOptions(m *protogen.Method, problems *Problems) methodOptions {
	var read methodOptions
	set, ok := m.Desc.Options().(*descriptorpb.MethodOptions)
	if !ok {
		return read
	}
	switch set.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_IDEMPOTENT:
		read.idempotency = "Idempotent"
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		read.idempotency = "NoSideEffects"
	case descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN:
	}
	ours, ok := proto.GetExtension(set, options.E_Method).(*options.MethodOptions)
	if !ok || ours == nil {
		return read
	}
	switch ours.GetCriticality() {
	case options.MethodOptions_SHEDDABLE:
		read.criticality = "Sheddable"
	case options.MethodOptions_DEGRADABLE:
		read.criticality = "Degradable"
	case options.MethodOptions_CRITICAL:
		read.criticality = "Critical"
	case options.MethodOptions_CRITICAL_PLUS:
		read.criticality = "CriticalPlus"
	case options.MethodOptions_CRITICALITY_UNSPECIFIED:
	default:
		problems.add(m.Desc, extensionPath(optionsOfMethod, options.E_Method, 2),
			"(fairlead.method).criticality of %s: there is no class %d", m.Desc.FullName(), ours.GetCriticality())
	}
	if status := ours.GetHttpStatus(); status != 0 {
		at := extensionPath(optionsOfMethod, options.E_Method, methodHTTPStatus)
		switch {
		case status < minSuccess || status > maxSuccess:
			problems.add(m.Desc, at, "(fairlead.method).http_status of %s: %d is not from %d to %d",
				m.Desc.FullName(), status, minSuccess, maxSuccess)
		case !proto.HasExtension(set, annotations.E_Http):
			problems.add(m.Desc, at, "(fairlead.method).http_status of %s: it needs (google.api.http)", m.Desc.FullName())
		}
		read.httpStatus = int(status)
	}
	if text := ours.GetTimeout(); text != "" {
		d, err := positiveDuration(text)
		if err != nil {
			problems.add(m.Desc, extensionPath(optionsOfMethod, options.E_Method, 1),
				"(fairlead.method).timeout of %s: %v", m.Desc.FullName(), err)
		}
		read.timeout = d
	}
	read.json = formOf(ours.GetJson())
	return read
}

// positiveDuration parses a duration in the words of options.proto.
func positiveDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf(`%q is not a duration such as "1.5s", "300ms" or "2m"`, text)
	case d <= 0:
		return 0, fmt.Errorf("%q is not above zero", text)
	}
	return d, nil
}

// durationLiteral returns d as Go code that needs no import, with a comment for its readers.
func durationLiteral(d time.Duration) string {
	return strconv.FormatInt(int64(d), 10) + " /* " + d.String() + " */"
}

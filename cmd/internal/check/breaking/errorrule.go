package breaking

import (
	"cmp"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// errorRules are about the option fairlead.error, which makes errors of enum values.
func errorRules() []Rule {
	return []Rule{
		{
			ID: "ERROR_NO_DELETE", Levels: all, check: errorsKept,
			Breaks: "a value of an enum is no longer an error (fairlead.error)",
			Why:    "clients that handle the error by its reason no longer meet it",
		},
		{
			ID: "ERROR_SAME_REASON", Levels: all, check: errorPairs(sameReason),
			Breaks: "an error has another reason or domain", Why: "clients no longer recognize the error",
		},
		{
			ID: "ERROR_SAME_CODE", Levels: all, check: errorPairs(sameCode),
			Breaks: "an error has another code", Why: "clients that handle errors by their codes take it for another one",
		},
		{
			ID: "ERROR_SAME_HTTP_STATUS", Levels: JSON | source, check: errorPairs(sameStatus),
			Breaks: "an error has another HTTP status",
			Why:    "HTTP clients that handle errors by their statuses take it for another one",
		},
		{
			ID: "ERROR_SAME_RETRYABLE", Levels: all, check: errorPairs(sameRetryable),
			Breaks: "an error was retryable and no longer is, or the reverse",
			Why:    "callers that ask whether to repeat a call get another answer",
		},
	}
}

// contractError is an error that an enum's value stands for.
type contractError struct {
	value          protoreflect.EnumValueDescriptor
	domain, reason string
	code           protoreflect.EnumNumber
	status         int
	retryable      bool
}

// errorsOf returns the errors of an enum.
func errorsOf(enum protoreflect.EnumDescriptor) []contractError {
	domain := cmp.Or(stringMember(messageExtension(enum, "fairlead.errors"), "domain"),
		string(enum.ParentFile().Package()))
	var list []contractError
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		option := messageExtension(value, "fairlead.error")
		if option == nil {
			continue
		}
		e := contractError{
			value: value, domain: domain,
			reason:    cmp.Or(stringMember(option, "reason"), string(value.Name())),
			code:      enumMember(option, "code"),
			retryable: boolMember(option, "retryable"),
		}
		status, _ := member(option, "http_status")
		if number, ok := status.Interface().(int32); ok {
			e.status = int(number)
		}
		e.status = cmp.Or(e.status, statusOf(e.code))
		list = append(list, e)
	}
	return list
}

// codeNames are the names of status codes, by their numbers in google.rpc.Code.
func codeNames() []string {
	return []string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
		"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
}

func codeName(code protoreflect.EnumNumber) string {
	names := codeNames()
	if code <= 0 || int(code) >= len(names) {
		return strconv.Itoa(int(code))
	}
	return names[code]
}

// statusOf returns the HTTP status that belongs to a code, as comments in google/rpc/code.proto have it.
func statusOf(code protoreflect.EnumNumber) int {
	switch codeName(code) {
	case "CANCELLED":
		return 499
	case "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE":
		return http.StatusBadRequest
	case "DEADLINE_EXCEEDED":
		return http.StatusGatewayTimeout
	case "NOT_FOUND":
		return http.StatusNotFound
	case "ALREADY_EXISTS", "ABORTED":
		return http.StatusConflict
	case "PERMISSION_DENIED":
		return http.StatusForbidden
	case "UNAUTHENTICATED":
		return http.StatusUnauthorized
	case "RESOURCE_EXHAUSTED":
		return http.StatusTooManyRequests
	case "UNIMPLEMENTED":
		return http.StatusNotImplemented
	case "UNAVAILABLE":
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// contractErrors yields all errors of a contract.
func (c *Contract) contractErrors() func(yield func(contractError) bool) {
	return func(yield func(contractError) bool) {
		for _, file := range c.files {
			for enum := range allEnums(file) {
				for _, e := range errorsOf(enum) {
					if !yield(e) {
						return
					}
				}
			}
		}
	}
}

// findError returns what became of the error old: the one that clients take for it, by domain and reason, or else the
// one of the value with its number.
func (c *Contract) findError(old contractError) (found contractError, ok bool) {
	if c.byReason == nil {
		c.byReason, c.byNumber = make(map[errorKey]contractError), make(map[errorKey]contractError)
		for e := range c.contractErrors() {
			c.byReason[errorKey{e.domain, e.reason}] = e
			c.byNumber[e.numberKey()] = e
		}
	}
	if found, ok = c.byReason[errorKey{old.domain, old.reason}]; ok {
		return found, true
	}
	found, ok = c.byNumber[old.numberKey()]
	return found, ok
}

// errorKey identifies an error: its domain and its reason, or the name of its enum and its number there.
type errorKey struct{ within, name string }

func (e *contractError) numberKey() errorKey {
	return errorKey{string(e.value.Parent().FullName()), strconv.Itoa(int(e.value.Number()))}
}

func (c *Contract) errorPlace(value protoreflect.EnumValueDescriptor) spot {
	return c.option(value, protoreflect.SourcePath{valueOption, fairleadErrorOption})
}

func errorsKept(c *comparison) {
	for old := range c.old.contractErrors() {
		if _, ok := c.now.findError(old); ok {
			continue
		}
		at := c.placeOfFile(old.value.ParentFile())
		if enum, ok := c.now.enums[old.value.Parent().FullName()]; ok {
			at = c.now.whole(enum)
			if value := c.now.value(enum, old.value.Number()); value != nil {
				at = c.now.whole(value)
			}
		}
		c.reportf(at, c.old.errorPlace(old.value), c.subjectOf(old.value),
			"the error %s of domain %s is gone", old.reason, old.domain)
	}
}

// errorPairs makes a check of one that is called for each error that both sides have.
func errorPairs(check func(old, now contractError) (change string)) func(*comparison) {
	return func(c *comparison) {
		for old := range c.old.contractErrors() {
			now, ok := c.now.findError(old)
			if !ok {
				continue
			}
			if change := check(old, now); change != "" {
				c.reportf(c.now.errorPlace(now.value), c.old.errorPlace(old.value), c.subjectOf(old.value),
					"the error %s of domain %s %s", old.reason, old.domain, change)
			}
		}
	}
}

func sameReason(old, now contractError) string {
	switch {
	case old.reason != now.reason:
		return "has the reason " + now.reason + " now"
	case old.domain != now.domain:
		return "has the domain " + now.domain + " now"
	default:
		return ""
	}
}

func sameCode(old, now contractError) string {
	if old.code == now.code {
		return ""
	}
	return "has the code " + codeName(now.code) + " and no longer " + codeName(old.code)
}

func sameStatus(old, now contractError) string {
	if old.status == now.status {
		return ""
	}
	return "has the HTTP status " + strconv.Itoa(now.status) + " and no longer " + strconv.Itoa(old.status)
}

func sameRetryable(old, now contractError) string {
	switch {
	case old.retryable == now.retryable:
		return ""
	case old.retryable:
		return "is no longer retryable"
	default:
		return "is retryable now"
	}
}

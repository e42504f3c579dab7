package gen

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
	"github.com/fairlead-go/fairlead/options"
)

// The numbers of fields of ErrorOptions.
const (
	errorCode       = 1
	errorHTTPStatus = 2
	errorRetryAfter = 4
	errorReason     = 6
)

// reason is a value of an enum that is an error.
type reason struct {
	enum  *protogen.Enum
	value *protogen.EnumValue
	stem  string // of the names in Go; nameReasons sets it

	domain     string
	name       string
	code       fairlead.Code
	httpStatus int32
	retryable  bool
	retryAfter time.Duration
	message    string
}

// reasonSyntax is what google/rpc/error_details.proto asks of a reason, which is no longer than maxReason.
var reasonSyntax = regexp.MustCompile(`^[A-Z][A-Z0-9_]+[A-Z0-9]$`)

const maxReason = 63

// readReasons returns the errors of all files, imported ones as well, because reasons are unique in their domain. It
// reports what is wrong with files that are to be generated.
func readReasons(plugin *protogen.Plugin, problems *Problems) map[*protogen.File][]*reason {
	found := make(map[*protogen.File][]*reason)
	type key struct{ domain, name string }
	first := make(map[key]*reason)
	for _, file := range byPath(plugin) {
		own := problems
		if !file.Generate {
			own = new(Problems)
		}
		eachEnum(file, func(enum *protogen.Enum) {
			found[file] = append(found[file], readEnum(enum, own)...)
		})
		for _, r := range found[file] {
			k := key{r.domain, r.name}
			if other := first[k]; other != nil {
				own.add(r.value.Desc, extensionPath(optionsOfEnumValue, options.E_Error, errorReason),
					"reason %s is there twice in the domain %s; the other one is %s at %s; give one of them another "+
						"(fairlead.error).reason, or its enum another (fairlead.errors).domain",
					r.name, r.domain, other.value.Desc.FullName(), position(other.value.Desc))
				continue
			}
			first[k] = r
		}
	}
	return found
}

// eachEnum calls f with the enums of a file, those in messages as well.
func eachEnum(file *protogen.File, f func(*protogen.Enum)) {
	for _, e := range file.Enums {
		f(e)
	}
	var within func([]*protogen.Message)
	within = func(messages []*protogen.Message) {
		for _, m := range messages {
			for _, e := range m.Enums {
				f(e)
			}
			within(m.Messages)
		}
	}
	within(file.Messages)
}

// readEnum returns the errors of an enum.
func readEnum(enum *protogen.Enum, problems *Problems) []*reason {
	marked := proto.HasExtension(enum.Desc.Options(), options.E_Errors)
	domain := string(enum.Desc.ParentFile().Package())
	if set, ok := proto.GetExtension(enum.Desc.Options(), options.E_Errors).(*options.ErrorsOptions); ok &&
		set.GetDomain() != "" {
		domain = set.GetDomain()
	}
	var reasons []*reason
	for _, value := range enum.Values {
		set, ok := proto.GetExtension(value.Desc.Options(), options.E_Error).(*options.ErrorOptions)
		if !ok || set == nil {
			if marked && value.Desc.Number() != 0 {
				problems.add(value.Desc, nil, "%s has no (fairlead.error), which the values of an enum with (fairlead.errors) "+
					"need, but for the one with number 0", value.Desc.FullName())
			}
			continue
		}
		reasons = append(reasons, readReason(enum, value, set, domain, problems))
	}
	if len(reasons) > 0 && domain == "" {
		problems.add(enum.Desc, nil, "%s has errors and no domain: set (fairlead.errors).domain, or give the file a package",
			enum.Desc.FullName())
	}
	return reasons
}

func readReason(
	enum *protogen.Enum, value *protogen.EnumValue, set *options.ErrorOptions, domain string, problems *Problems,
) *reason {
	fail := func(field int32, format string, args ...any) {
		problems.add(value.Desc, extensionPath(optionsOfEnumValue, options.E_Error, field), "(fairlead.error) of %s: "+format,
			append([]any{value.Desc.FullName()}, args...)...)
	}
	r := &reason{
		enum: enum, value: value, domain: domain,
		name:       set.GetReason(),
		code:       fairlead.Code(set.GetCode()),
		httpStatus: set.GetHttpStatus(),
		retryable:  set.GetRetryable(),
		message:    set.GetMessage(),
	}
	if r.name == "" {
		r.name = string(value.Desc.Name())
	}
	if !reasonSyntax.MatchString(r.name) || len(r.name) > maxReason {
		fail(errorReason, "%q is not UPPER_SNAKE_CASE of at most %d characters; set reason", r.name, maxReason)
	}
	switch {
	case set.GetCode() == options.ErrorOptions_CODE_UNSPECIFIED:
		fail(errorCode, "code is missing")
	case r.code > fairlead.Unauthenticated:
		fail(errorCode, "there is no code %d", set.GetCode())
	}
	if r.httpStatus != 0 && (r.httpStatus < 400 || r.httpStatus > 599) {
		fail(errorHTTPStatus, "http_status %d is not from 400 to 599", r.httpStatus)
	}
	if text := set.GetRetryAfter(); text != "" {
		var err error
		if r.retryAfter, err = positiveDuration(text); err != nil {
			fail(errorRetryAfter, "retry_after: %v", err)
		} else if !r.retryable {
			fail(errorRetryAfter, "retry_after needs retryable")
		}
	}
	return r
}

// nameReasons chooses the names in Go, those of imported files as well, because what they took is taken.
func nameReasons(plugin *protogen.Plugin, reasons map[*protogen.File][]*reason, taken map[protogen.GoIdent]bool) {
	for _, file := range byPath(plugin) {
		for _, r := range reasons[file] {
			r.choose(file.GoImportPath, taken)
		}
	}
}

func (r *reason) choose(pkg protogen.GoImportPath, taken map[protogen.GoIdent]bool) {
	plain := goReason(string(r.enum.Desc.Name()), string(r.value.Desc.Name()))
	for n := 0; ; n++ {
		r.stem = plain
		switch {
		case n == 1:
			r.stem += "Error"
		case n > 1:
			r.stem += "Error" + strconv.Itoa(n)
		}
		names := []protogen.GoIdent{pkg.Ident(r.stem), pkg.Ident("New" + r.stem), pkg.Ident("Err" + r.stem)}
		if taken[names[0]] || taken[names[1]] || taken[names[2]] {
			continue
		}
		for _, name := range names {
			taken[name] = true
		}
		return
	}
}

// goReason returns a value's name as Go writes it, without the name of its enum: OutOfStock for SHOP_ERROR_OUT_OF_STOCK
// of the enum ShopError.
func goReason(enum, value string) string {
	short := value
	if rest, ok := strings.CutPrefix(value, outline.UpperSnake(enum)+"_"); ok && rest != "" && rest[0] > '9' {
		short = rest
	}
	var b strings.Builder
	for part := range strings.SplitSeq(short, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + strings.ToLower(part[1:]))
		}
	}
	return b.String()
}

// write writes the error's value, type and constructor.
func (r *reason) write(out *protogen.GeneratedFile) {
	full, deprecation := string(r.value.Desc.FullName()), deprecationOf(r.value.Desc)
	s := stubs{GeneratedFile: out}

	out.P()
	s.doc("Err"+r.stem+" is the reason "+r.name+" of "+r.domain+", for errors.Is.", deprecation)
	out.P("var Err", r.stem, " = &", fairleadPackage.Ident("Reason"), "{")
	out.P("Domain: ", strconv.Quote(r.domain), ",")
	out.P("Name: ", strconv.Quote(r.name), ",")
	out.P("Code: ", fairleadPackage.Ident(codeName(r.code)), ",")
	if r.httpStatus != 0 {
		out.P("HTTPStatus: ", r.httpStatus, ",")
	}
	if r.retryable {
		out.P("Retryable: true,")
	}
	if r.retryAfter > 0 {
		out.P("RetryAfter: ", durationLiteral(r.retryAfter), ",")
	}
	if r.message != "" {
		out.P("Message: ", strconv.Quote(r.message), ",")
	}
	out.P("}")
	out.P()

	s.doc(r.stem+" is the error "+full+", for errors.As.", textOf(r.value.Comments), deprecation)
	out.P("type ", r.stem, " struct{ ", fairleadPackage.Ident("ReasonError"), " }")
	out.P()
	s.doc("New"+r.stem+" makes the error "+full+".\n"+
		"The message is formatted as by fairlead.Errorf; with an empty format and no args it is the contract's.", deprecation)
	out.P("func New", r.stem, "(format string, args ...any) *", fairleadPackage.Ident("Error"), " {")
	out.P("return Err", r.stem, ".Errorf(format, args...)")
	out.P("}")
	out.P()
	out.P("// FromError is for errors.As.")
	out.P("func (e *", r.stem, ") FromError(err *", fairleadPackage.Ident("Error"), ") bool { return e.Match(Err", r.stem,
		", err) }")
}

// codeName returns the constant of a code.
func codeName(c fairlead.Code) string {
	switch c {
	case fairlead.Canceled:
		return "Canceled" // CANCELLED in gRPC's spelling
	default:
		return goReason("", c.String())
	}
}

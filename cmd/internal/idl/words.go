package idl

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
	"github.com/fairlead-go/fairlead/internal/near"
)

// worder puts the compiler's messages about one file in other words, and says what to do about them. The compiler has
// only text for them, so this goes by the text; what it does not know stays as it is.
type worder struct {
	*explainer

	name      string
	src       source
	outline   *outline.File
	noSyntax  bool // that the file has no syntax statement was said
	readTwice bool // that the file is read under two names was said
	wordRules []wordRule
}

// wordRule is what to make of the messages that match an expression. Rewrite gets its groups, and returns false when
// the problem is not to be reported.
type wordRule struct {
	match   *regexp.Regexp
	rewrite func(p *Problem, at outline.Span, groups []string) bool
}

// reword returns the problem, and whether it is to be reported.
func (w *worder) reword(err reporter.ErrorWithPos) (Problem, bool) {
	p := w.files.problem(err)
	at := outline.Span{Start: err.Start().Offset, End: err.End().Offset}
	if w.wordRules == nil {
		w.wordRules = w.rules()
	}
	for _, rule := range w.wordRules {
		if groups := rule.match.FindStringSubmatch(p.Text); groups != nil {
			keep := rule.rewrite(&p, at, groups)
			return p, keep
		}
	}
	return p, true
}

func (w *worder) rules() []wordRule {
	rule := func(expr string, rewrite func(p *Problem, at outline.Span, groups []string) bool) wordRule {
		return wordRule{match: regexp.MustCompile(expr), rewrite: rewrite}
	}
	return []wordRule{
		rule(`^(.*?: )?unknown (request |response |extendee )?type ([\w.]+)(?:; resolved to ([\w.]+).*)?$`, w.unknownType),
		rule(`unknown extension ([\w.]+)(?:; resolved to ([\w.]+).*)?$`, w.unknownExtension),
		rule(`field ([\w.]+) of ([\w.]+) does not exist$`, w.unknownOption),
		rule(`^(.*)option \(([\w.]+)\): field (\w+) not found$`, w.unknownPart),
		rule(`^(.*): fields ([\w.]+) and ([\w.]+) both have the same tag (\d+)$`, w.sameNumber),
		rule(`^(.*): field (\w+) is using tag (\d+) which is in (reserved|extension) range`, w.takenNumber),
		rule(`^(.*): value (\w+) is using number (-?\d+) which is in reserved range`, w.takenValue),
		rule(`^(.*): (?:field|value) (\w+) is using a reserved name`, func(p *Problem, _ outline.Span, g []string) bool {
			p.Text, p.Help = fmt.Sprintf("%s: the name %s is reserved", g[1], g[2]), "choose another name"
			return true
		}),
		rule(`^tag number (\d+) (must be|is)`, w.impossibleNumber),
		rule(`^(.*): values (\w+) and (\w+) both have the same numeric value (-?\d+)`, w.sameValue),
		rule(`^enum ([\w.]+): proto3 requires that first value`, w.firstValue),
		rule(`^first value of open enum ([\w.]+) must`, w.firstValue),
		rule(`^(.*): field has no label; proto2 requires`, w.noLabel),
		rule(`^symbol "([\w.]+)" already defined( as a package)? at (.*?):(\d+):(\d+)(; protobuf uses.*)?$`, w.declaredTwice),
		rule(`^"(.*)" was already imported at .*?:(\d+):`, func(p *Problem, _ outline.Span, g []string) bool {
			p.Text, p.Help = fmt.Sprintf("%q is imported already, in line %s", g[1], g[2]), "remove this line"
			return true
		}),
		rule(`^(.*): label 'required' is not allowed`, func(p *Problem, _ outline.Span, g []string) bool {
			p.Text = g[1] + ": fields cannot be required but in proto2"
			p.Help = `remove "required"; rules such as [(buf.validate.field).required = true] check it at run time`
			return true
		}),
		rule(`^(.*): default values are not allowed in proto3`, func(p *Problem, _ outline.Span, g []string) bool {
			p.Text = g[1] + ": proto3 has no default values of fields"
			p.Help = "remove it, and let the code decide what a field that was not set stands for"
			return true
		}),
		rule(`^(.*): invalid (request|response) type: ([\w.]+) is (.*), not a message`,
			func(p *Problem, _ outline.Span, g []string) bool {
				p.Text = fmt.Sprintf("%s: its %s must be a message, and %s is %s", g[1], g[2], g[3], g[4])
				return true
			}),
	}
}

func (w *worder) unknownType(p *Problem, _ outline.Span, g []string) bool {
	p.Text = g[1] + "unknown " + g[2] + "type " + g[3]
	if g[4] != "" {
		p.Help = fmt.Sprintf("it is looked up as %s here, which is not declared; write .%s for the one at the top",
			g[4], g[3])
		return true
	}
	p.Help = w.typeHelp(g[3], g[2] != "")
	return true
}

func (w *worder) unknownExtension(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("there is no option (%s)", g[1])
	p.Help = w.extensionHelp(g[1])
	return true
}

// unknownOption is for the name of an option, or of a field of one.
func (w *worder) unknownOption(p *Problem, _ outline.Span, g []string) bool {
	what := strings.ToLower(strings.TrimSuffix(outline.Simple(g[2]), "Options"))
	if strings.HasPrefix(g[2], "google.protobuf.") && strings.HasSuffix(g[2], "Options") {
		p.Text = fmt.Sprintf("there is no option %q of a %s", g[1], what)
	} else {
		p.Text = fmt.Sprintf("%s has no field %q", g[2], g[1])
	}
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(g[2]))
	if err != nil {
		return true
	}
	if m, ok := desc.(protoreflect.MessageDescriptor); ok {
		names := make([]string, 0, m.Fields().Len())
		for i := range m.Fields().Len() {
			names = append(names, string(m.Fields().Get(i).Name()))
		}
		p.Help = near.Question(g[1], names)
		if p.Help == "" && len(names) <= 12 && !strings.HasSuffix(g[2], "Options") {
			p.Help = "it has " + strings.Join(names, ", ")
		}
	}
	return true
}

// unknownPart is for a field within the value of an option.
func (w *worder) unknownPart(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("%soption (%s) has no field %q", g[1], g[2], g[3])
	ext, err := protoregistry.GlobalTypes.FindExtensionByName(protoreflect.FullName(g[2]))
	if err != nil || ext.TypeDescriptor().Message() == nil {
		return true
	}
	fields := ext.TypeDescriptor().Message().Fields()
	names := make([]string, 0, fields.Len())
	for i := range fields.Len() {
		names = append(names, string(fields.Get(i).Name()))
	}
	p.Help = near.Question(g[3], names)
	return true
}

// decl returns the declaration that the compiler calls "message a.b.C".
func (w *worder) decl(scope string) *outline.Decl {
	return w.outline.Find(scope[strings.LastIndexByte(scope, ' ')+1:])
}

// holding returns the declaration that has a member with its number there.
func (w *worder) holding(at outline.Span) *outline.Decl {
	for _, d := range w.outline.Decls {
		for _, m := range d.Members {
			if m.At.Start == at.Start {
				return d
			}
		}
	}
	return nil
}

func (w *worder) line(offset int) int { return w.src.lineAt(offset) }

// free returns the words for d's next free number.
func free(d *outline.Decl) string { return "the next free number is " + strconv.Itoa(d.NextNumber()) }

func (w *worder) sameNumber(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("%s: field %s has the number %s, which field %s has already", g[1], g[3], g[4], g[2])
	if d := w.decl(g[1]); d != nil {
		p.Help = free(d)
		if m, ok := d.Member(g[2]); ok {
			p.Text += fmt.Sprintf(" (line %d)", w.line(m.At.Start))
		}
	}
	return true
}

func (w *worder) takenNumber(p *Problem, _ outline.Span, g []string) bool {
	if g[4] == "extension" {
		p.Text = fmt.Sprintf("%s: field %s has the number %s, which is set aside for extensions", g[1], g[2], g[3])
	} else {
		p.Text = fmt.Sprintf("%s: field %s has the number %s, which is reserved", g[1], g[2], g[3])
	}
	w.taken(p, g[1], g[3])
	return true
}

func (w *worder) takenValue(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("%s: value %s has the number %s, which is reserved", g[1], g[2], g[3])
	w.taken(p, g[1], g[3])
	return true
}

// taken reports where a number is reserved, and which one is free.
func (w *worder) taken(p *Problem, scope, number string) {
	d := w.decl(scope)
	n, err := strconv.Atoi(number)
	if d == nil || err != nil {
		return
	}
	for _, r := range d.Reserved {
		if r.First <= n && n <= r.Last {
			p.Text += fmt.Sprintf(" (line %d)", w.line(r.At.Start))
			break
		}
	}
	p.Help = free(d)
}

func (w *worder) impossibleNumber(p *Problem, at outline.Span, g []string) bool {
	switch {
	case g[2] == "must be":
		p.Text = "the number of a field cannot be " + g[1] + "; the smallest is 1"
	case strings.Contains(p.Text, "disallowed"):
		p.Text = "the numbers 19000 to 19999 belong to protobuf itself"
	default:
		p.Text = fmt.Sprintf("the number %s is too large; the largest is %d", g[1], outline.MaxNumber)
	}
	if d := w.holding(at); d != nil {
		p.Help = free(d)
	}
	return true
}

func (w *worder) sameValue(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("%s: value %s has the number %s, which %s has already", g[1], g[3], g[4], g[2])
	if d := w.decl(g[1]); d != nil {
		p.Help = free(d) + "; two names for one number need: option allow_alias = true;"
	}
	return true
}

func (w *worder) firstValue(p *Problem, _ outline.Span, g []string) bool {
	p.Text = fmt.Sprintf("enum %s: its first value must have the number 0", g[1])
	p.Help = fmt.Sprintf("add before it: %s_UNSPECIFIED = 0;", outline.UpperSnake(outline.Simple(g[1])))
	return true
}

// noLabel is said once for a file without a syntax statement: with one, nothing would be wrong.
func (w *worder) noLabel(p *Problem, _ outline.Span, g []string) bool {
	if w.outline.Syntax != "" {
		p.Text = g[1] + ": in proto2 a field has a label"
		p.Help = `write "optional" before the type`
		return true
	}
	if w.noSyntax {
		return false
	}
	w.noSyntax = true
	*p = Problem{
		File: w.src.path, Line: 1,
		Text: "the file has no syntax statement, so it counts as proto2, where each field has a label",
		Help: `add as its first line: syntax = "proto3";`,
	}
	return true
}

func (w *worder) declaredTwice(p *Problem, _ outline.Span, g []string) bool {
	other := w.files.path(g[3])
	if other != p.File && !sameFile(other, p.File) && w.clashes()[g[1]] {
		return false // reported with both its places already
	}
	p.Text = fmt.Sprintf("%s is declared twice, here and in %s:%s", g[1], other, g[4])
	switch {
	case g[2] != "":
		p.Text = fmt.Sprintf("%s is the name of a package as well, in %s:%s", g[1], other, g[4])
	case g[6] != "":
		p.Help = "the values of an enum belong to what is around the enum: begin them with the enum's name"
	case g[3] != w.name && sameFile(other, p.File):
		if w.readTwice {
			return false // once for the file is enough
		}
		w.readTwice = true
		names := []string{w.name, g[3]}
		slices.Sort(names)
		p.Text = fmt.Sprintf("%s is read twice, as %q and as %q", p.File, names[0], names[1])
		p.Help = "two import roots lead to it; keep one of them, and write all imports relative to that one"
	}
	return true
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errors.Join(errA, errB) == nil && os.SameFile(infoA, infoB)
}

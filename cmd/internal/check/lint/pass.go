package lint

import (
	"slices"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// pass is one rule going over one contract.
type pass struct {
	*contract
	rule  Rule
	found []found
}

// found is a finding, and where it is: locate makes a place of that, for the findings of one file after the other.
type found struct {
	finding.Finding
	file  *file
	node  *node     // the declaration that it is about; nil for the file
	parts [][]int32 // paths below that of the node, of which the first counts that the source spells out
	begin int       // the line on which the declaration begins: a comment before that silences it, too
}

// reportf adds a finding about a part of a declaration, which is the first of parts that the source spells out: each is
// a path below that of the declaration. Without any it is the declaration's name.
func (p *pass) reportf(n *node, parts [][]int32, format string, args ...any) {
	p.addf(found{file: n.file, node: n, parts: parts}, format, args...)
}

// reportFilef is reportf for a file. Without any of parts it is the file's syntax, or else its first line.
func (p *pass) reportFilef(f *file, parts [][]int32, format string, args ...any) {
	p.addf(found{file: f, parts: parts}, format, args...)
}

func (p *pass) addf(f found, format string, args ...any) {
	f.Finding = finding.New(p.rule.Rule, finding.Place{}, format, args...)
	p.found = append(p.found, f)
}

// locate sets the place of what was found. It opens the file.
func (f *found) locate() {
	var base, span []int32
	otherwise := [][]int32{{partName}, nil}
	if f.node != nil {
		base = f.node.path()
	} else {
		otherwise = [][]int32{{fileSyntax}, {fileEdition}}
		span = []int32{0, 0, 0}
	}
	for _, part := range slices.Concat(f.parts, otherwise) {
		path := slices.Concat(base, part)
		at := f.file.span(path)
		if last := len(path) - 1; last >= 0 && path[last] == anything {
			at = f.file.firstOption(base, path[:last])
		}
		if at != nil {
			span = at.GetSpan()
			break
		}
	}
	whole := span
	if f.node != nil {
		whole = f.file.span(base).GetSpan()
	}
	f.Place = f.file.contract.sources.Place(f.file.path, span)
	if len(whole) > 0 {
		f.begin = int(whole[0]) + 1
	}
}

// part names one part of a declaration for reportf.
func part(path ...int32) [][]int32 { return [][]int32{path} }

// span returns the location of a part of the declaration, or of all of it; nil if the source does not have it.
func (n *node) span(part []int32) *descriptorpb.SourceCodeInfo_Location {
	return n.file.span(n.below(part))
}

// below returns the path of a part of the declaration.
func (n *node) below(part []int32) []int32 { return append(n.path(), part...) }

// anything ends a path that stands for the first place within what is before it.
const anything = -1

// under returns a part of a declaration for reportf: that one, or the first one within it which the source spells out,
// since an option may be set as a whole, or only something in it. The part is one of the options.
func under(part ...int32) [][]int32 { return [][]int32{append(part, anything)} }

// comment returns the comment in front of the declaration, "" for none.
func (n *node) comment() string {
	return n.span(nil).GetLeadingComments()
}

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

// found is a finding, and the line on which the declaration begins that it is about: a comment before that silences it,
// too.
type found struct {
	finding.Finding
	begin int
}

// reportf adds a finding about a part of a declaration, which is the first of parts that the source spells out: each is
// a path below that of the declaration. Without any it is the declaration's name.
func (p *pass) reportf(n *node, parts [][]int32, format string, args ...any) {
	parts = append(slices.Clip(parts), []int32{partName}, nil)
	var span, whole []int32
	if at := n.span(nil); at != nil {
		whole = at.GetSpan()
	}
	for _, part := range parts {
		if at := n.span(part); at != nil {
			span = at.GetSpan()
			break
		}
	}
	p.addf(n.file, span, whole, format, args...)
}

// reportFilef is reportf for a file. Without any of parts it is the file's syntax, or else its first line.
func (p *pass) reportFilef(f *file, parts [][]int32, format string, args ...any) {
	parts = append(slices.Clip(parts), []int32{fileSyntax}, []int32{fileEdition})
	span := []int32{0, 0, 0}
	for _, part := range parts {
		if at := f.spans[finding.Key(part)]; at != nil {
			span = at.GetSpan()
			break
		}
	}
	p.addf(f, span, span, format, args...)
}

func (p *pass) addf(f *file, span, whole []int32, format string, args ...any) {
	at := found{Finding: finding.New(p.rule.Rule, p.sources.Place(f.path, span), format, args...)}
	if len(whole) > 0 {
		at.begin = int(whole[0]) + 1
	}
	p.found = append(p.found, at)
}

// part names one part of a declaration for reportf.
func part(path ...int32) [][]int32 { return [][]int32{path} }

// span returns the location of a part of the declaration, or of all of it; nil if the source does not have it.
func (n *node) span(part []int32) *descriptorpb.SourceCodeInfo_Location {
	full := make([]int32, 0, len(n.path)+len(part))
	full = append(full, n.path...)
	return n.file.spans[finding.Key(append(full, part...))]
}

// under returns a part of the declaration for reportf: that one, or the first one within it which the source spells
// out, since an option may be set as a whole, or only something in it. The part is one of the options.
func (n *node) under(part ...int32) [][]int32 {
	full := slices.Concat(n.path, part)
	path, known := n.file.shown[finding.Key(full)]
	if !known {
		path = n.file.firstOption(n.path, full)
		if n.file.shown == nil {
			n.file.shown = make(map[string][]int32)
		}
		n.file.shown[finding.Key(full)] = path
	}
	if path == nil {
		return nil
	}
	return [][]int32{path[len(n.path):]}
}

// firstOption returns the path of the first location that begins with full, among those of the options of a
// declaration; nil if there is none.
func (f *file) firstOption(declaration, full []int32) []int32 {
	locations := f.proto.GetSourceCodeInfo().GetLocation()
	if f.options == nil {
		f.options = finding.NewOptions(len(locations), func(i int) []int32 { return locations[i].GetPath() })
	}
	for _, i := range f.options.Of(declaration) {
		if path := locations[i].GetPath(); len(path) >= len(full) && slices.Equal(path[:len(full)], full) {
			return path
		}
	}
	return nil
}

// comment returns the comment in front of the declaration, "" for none.
func (n *node) comment() string {
	return n.span(nil).GetLeadingComments()
}

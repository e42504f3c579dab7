package breaking

import (
	"math/big"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// bound is the end of a range.
type bound struct {
	number    *big.Float // nil: none
	exclusive bool
	rule      protoreflect.Name
}

// boundOf returns the first of the rules with those names that is set.
func boundOf(rules protoreflect.Message, names ...protoreflect.Name) bound {
	for _, name := range names {
		value, set := member(rules, name)
		if !set {
			continue
		}
		if number := numberOf(value); number != nil {
			return bound{number: number, exclusive: name == "gt" || name == "lt", rule: name}
		}
	}
	return bound{}
}

// lowerNames returns the rules that are lower bounds, by kind. A message has at most one of a kind.
func lowerNames() [][]protoreflect.Name {
	return [][]protoreflect.Name{{"gt", "gte"}, {"min_len"}, {"min_bytes"}, {"min_items"}, {"min_pairs"}}
}

// upperNames returns the rules that are upper bounds, by kind.
func upperNames() [][]protoreflect.Name {
	return [][]protoreflect.Name{{"lt", "lte"}, {"max_len"}, {"max_bytes"}, {"max_items"}, {"max_pairs"}}
}

// outside reports whether the rules ask a number to lie outside a range, which protovalidate takes bounds for that are
// the wrong way round.
func outside(rules protoreflect.Message) bool {
	low, high := boundOf(rules, lowerNames()[0]...), boundOf(rules, upperNames()[0]...)
	return low.number != nil && high.number != nil && low.number.Cmp(high.number) > 0
}

func (t *tightenings) lowerBound(old, now protoreflect.Message, prefix string) {
	if outside(old) || outside(now) {
		t.outside(old, now, prefix)
		return
	}
	for _, names := range lowerNames() {
		before, after := boundOf(old, names...), boundOf(now, names...)
		if after.number == nil || after.counts() && after.number.Sign() == 0 {
			continue
		}
		if before.number == nil || after.beyond(before, 1) {
			t.bound(before, after, prefix)
		}
	}
}

func (t *tightenings) upperBound(old, now protoreflect.Message, prefix string) {
	if outside(old) || outside(now) {
		return // lowerBound compared both ends
	}
	for _, names := range upperNames() {
		before, after := boundOf(old, names...), boundOf(now, names...)
		if after.number != nil && (before.number == nil || after.beyond(before, -1)) {
			t.bound(before, after, prefix)
		}
	}
}

// counts reports whether the bound is one of a length or a count, which are never below zero.
func (b bound) counts() bool { return strings.HasPrefix(string(b.rule), "m") }

// beyond reports whether b leaves out something that other allows. Sign is 1 for bounds from below and -1 for others.
func (b bound) beyond(other bound, sign int) bool {
	order := b.number.Cmp(other.number) * sign
	return order > 0 || order == 0 && b.exclusive && !other.exclusive
}

func (b bound) String() string {
	if b.number == nil {
		return "none"
	}
	return string(b.rule) + " " + b.number.Text('g', 20)
}

func (t *tightenings) bound(before, after bound, prefix string) {
	if before.number == nil {
		t.addf(narrowerRange, "%smust fulfil %s now", prefix, after)
		return
	}
	t.addf(narrowerRange, "%smust fulfil %s and no longer %s", prefix, after, before)
}

// outside compares ranges of which at least one is to be avoided: any difference counts, unless only the range that is
// to be avoided became smaller.
func (t *tightenings) outside(old, now protoreflect.Message, prefix string) {
	low, high := lowerNames()[0], upperNames()[0]
	before := [2]bound{boundOf(old, low...), boundOf(old, high...)}
	after := [2]bound{boundOf(now, low...), boundOf(now, high...)}
	if after[0].number == nil && after[1].number == nil {
		return
	}
	if outside(old) && outside(now) && !after[0].beyond(before[0], 1) && !after[1].beyond(before[1], -1) {
		return
	}
	t.addf(narrowerRange, "%smust fulfil %s and %s now", prefix, after[0], after[1])
}

// within compares how far from now a time may lie.
func (t *tightenings) within(old, now protoreflect.Message, prefix string) {
	before, after := boundOf(old, "within"), boundOf(now, "within")
	if after.number != nil && (before.number == nil || after.beyond(before, -1)) {
		t.bound(before, after, prefix)
	}
}

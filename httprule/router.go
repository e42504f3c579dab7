package httprule

import "strings"

// Router finds the value that was added for a request's method and path. Add fills it; once filled it is safe for
// concurrent use. The zero value is empty and ready to use.
//
// If several templates match a path, the order in which they were added does not matter: segment by segment, from the
// left, a literal comes before "*", and "*" before "**". A template whose methods do not include the request's is
// passed over. What follows the last colon of a path is taken for a custom verb first, and for a part of the last
// segment if no template with such a verb matches.
//
// HEAD is answered by GET where nothing was added for HEAD itself (RFC 9110, section 9.3.2), and the method "*" of a
// template by all methods that it does not have otherwise. Paths are compared as they are: a trailing slash or an empty
// segment makes another path, which only "**" matches.
type Router[T any] struct {
	root node[T]
	// static has the templates without wildcards, by the only form of path that needs no unescaping.
	static map[string]*leaf[T]
	verbs  map[string]bool // custom verbs
}

// node stands for the segments of templates up to a place.
type node[T any] struct {
	literals map[string]*node[T] // the next segment, unescaped
	wild     *node[T]            // the next segment is "*"
	ends     []*leaf[T]          // templates that end here
	rests    []*leaf[T]          // templates whose next and last segment is "**"
}

// leaf is a shape of templates with its methods.
type leaf[T any] struct {
	verb    string // the custom verb
	entries []entry[T]
}

type entry[T any] struct {
	method   string
	template *Template
	value    T
}

// Add adds a value for requests with a method, "*" for any, and with paths that a template matches. If there is one for
// the method and a template of the same shape, Add changes nothing and returns that value and false.
func (r *Router[T]) Add(method string, t *Template, value T) (other T, ok bool) {
	n, list := &r.root, (*[]*leaf[T])(nil)
	for i := range t.Segments {
		switch s := &t.Segments[i]; s.Kind {
		case Literal:
			if n.literals == nil {
				n.literals = make(map[string]*node[T])
			}
			next := n.literals[s.Text]
			if next == nil {
				next = new(node[T])
				n.literals[s.Text] = next
			}
			n = next
		case Wildcard:
			if n.wild == nil {
				n.wild = new(node[T])
			}
			n = n.wild
		case Rest:
			list = &n.rests
		}
	}
	if list == nil {
		list = &n.ends
	}
	l := leafOf(*list, t.Verb)
	if l == nil {
		l = &leaf[T]{verb: t.Verb}
		*list = append(*list, l)
	}
	for i := range l.entries {
		if l.entries[i].method == method {
			return l.entries[i].value, false
		}
	}
	l.entries = append(l.entries, entry[T]{method, t, value})
	if t.Verb != "" {
		if r.verbs == nil {
			r.verbs = make(map[string]bool)
		}
		r.verbs[t.Verb] = true
	}
	if path, ok := t.plainPath(); ok {
		if r.static == nil {
			r.static = make(map[string]*leaf[T])
		}
		r.static[path] = l
	}
	return other, true
}

// plainPath returns the one path that a template matches, and false if there are several, as with escapes, or if a
// template with a custom verb would come before it.
func (t *Template) plainPath() (string, bool) {
	for i := range t.Segments {
		s := &t.Segments[i]
		if s.Kind != Literal || !isPlain(s.Text) || i == len(t.Segments)-1 && strings.Contains(s.Text, ":") {
			return "", false
		}
	}
	return t.Shape(), isPlain(t.Verb) && !strings.Contains(t.Verb, ":")
}

func isPlain(text string) bool {
	for i := range len(text) {
		if !isPathChar(text[i]) {
			return false
		}
	}
	return true
}

func leafOf[T any](list []*leaf[T], verb string) *leaf[T] {
	for _, l := range list {
		if l.verb == verb {
			return l
		}
	}
	return nil
}

// find returns the entry that answers a method, nil if there is none. l may be nil.
func (l *leaf[T]) find(method string) *entry[T] {
	if l == nil {
		return nil
	}
	var get, all *entry[T]
	for i := range l.entries {
		switch e := &l.entries[i]; e.method {
		case method:
			return e
		case "GET":
			get = e
		case "*":
			all = e
		}
	}
	if method == "HEAD" && get != nil {
		return get
	}
	return all
}

// Match returns the value for a method and a path, escaped as it arrived, and whether there is one. It appends the
// values of the template's variables to values, in the template's order and unescaped as by Template.Match. It returns
// an error if the path matches but has an invalid escape. It allocates nothing if values has room and the path has no
// escapes.
func (r *Router[T]) Match(method, path string, values []string) (value T, vars []string, ok bool, err error) {
	// A template without wildcards may have variables all the same, whose values are below.
	if e := r.static[path].find(method); e != nil && len(e.template.Variables) == 0 {
		return e.value, values, true, nil
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return value, values, false, nil
	}
	e, rest := r.lookup(rest, method)
	if e == nil {
		return value, values, false, nil
	}
	values, err = e.template.appendValues(values, rest)
	return e.value, values, true, err
}

// lookup returns the entry for a path without its first slash, and that path without the entry's custom verb.
func (r *Router[T]) lookup(rest, method string) (*entry[T], string) {
	if len(r.verbs) > 0 {
		if before, verb := cutVerb(rest); r.verbs[verb] {
			if e := r.root.find(before, before == "", verb, method); e != nil {
				return e, before
			}
		}
	}
	return r.root.find(rest, rest == "", "", method), rest
}

// find finds the entry for the rest of a path below n; over reports whether there are no more segments. A node is
// looked at once for a path, since all ways to it are equally long.
func (n *node[T]) find(rest string, over bool, verb, method string) *entry[T] {
	if over {
		if e := leafOf(n.ends, verb).find(method); e != nil {
			return e
		}
		return leafOf(n.rests, verb).find(method)
	}
	if segment, tail, more := strings.Cut(rest, "/"); segment != "" {
		if next := n.literal(segment); next != nil {
			if e := next.find(tail, !more, verb, method); e != nil {
				return e
			}
		}
		if n.wild != nil {
			if e := n.wild.find(tail, !more, verb, method); e != nil {
				return e
			}
		}
	}
	return leafOf(n.rests, verb).find(method)
}

// literal returns the node behind a literal, nil if there is none.
func (n *node[T]) literal(segment string) *node[T] {
	if len(n.literals) == 0 {
		return nil
	}
	if strings.IndexByte(segment, '%') < 0 {
		return n.literals[segment]
	}
	text, err := unescape(segment, false)
	if err != nil {
		return nil
	}
	return n.literals[text]
}

// Methods appends the methods with which a path is served to dst, in no order, and each perhaps more than once. HEAD
// is there if GET is. It is for the field Allow (RFC 9110, section 10.2.1).
func (r *Router[T]) Methods(dst []string, path string) []string {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return dst
	}
	if before, verb := cutVerb(rest); r.verbs[verb] {
		dst = r.root.methods(dst, before, before == "", verb)
	}
	return r.root.methods(dst, rest, rest == "", "")
}

func (n *node[T]) methods(dst []string, rest string, over bool, verb string) []string {
	if over {
		dst = leafOf(n.ends, verb).methods(dst)
	} else if segment, tail, more := strings.Cut(rest, "/"); segment != "" {
		if next := n.literal(segment); next != nil {
			dst = next.methods(dst, tail, !more, verb)
		}
		if n.wild != nil {
			dst = n.wild.methods(dst, tail, !more, verb)
		}
	}
	return leafOf(n.rests, verb).methods(dst)
}

func (l *leaf[T]) methods(dst []string) []string {
	if l == nil {
		return dst
	}
	for i := range l.entries {
		m := l.entries[i].method
		dst = append(dst, m)
		if m == "GET" {
			dst = append(dst, "HEAD")
		}
	}
	return dst
}

package jsonwire

// TypeURL looks for "@type" among the members of the object that follows, without reading the object. It returns "" if
// there is none, with the number of members then, and after an error, such as an empty type.
func (d *Decoder) TypeURL() (url string, members int) {
	pos, depth := d.pos, d.depth
	for more := d.OpenObject(); more; more = d.NextMember() {
		members++
		if string(d.Name()) == "@type" {
			if url = d.String(); url == "" {
				d.failf(d.pos, "is empty")
			}
			break // others of that name are found when the object is read
		}
		d.Skip()
	}
	if d.err != nil {
		return "", 0
	}
	d.pos, d.depth = pos, depth
	return url, members
}

// Embedded calls parse for a message in the object of a google.protobuf.Any, which has "@type" among the message's
// members: there Unknown takes it.
func (d *Decoder) Embedded(parse func()) {
	depth, typed := d.anyDepth, d.anyTyped
	d.anyDepth, d.anyTyped = d.depth-1, false
	parse()
	d.anyDepth, d.anyTyped = depth, typed
}

// Nest calls parse unless it is being called already by as many calls of Nest as depth says; that is an error. It
// bounds the work for values that are read more than once, at each level again.
func (d *Decoder) Nest(depth int, parse func()) {
	if d.nested >= depth {
		d.failf(d.pos, "is nested deeper than %d times", depth)
		return
	}
	d.nested++
	parse()
	d.nested--
}

// anyType reads the value of "@type" if the member just read has that name, and reports whether it has.
func (d *Decoder) anyType() bool {
	if string(d.lastName()) != "@type" {
		return false
	}
	if d.anyTyped {
		d.duplicate()
	}
	d.anyTyped = true
	_ = d.String()
	return true
}

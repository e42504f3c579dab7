package gen

import (
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

// text writes the rules of a string.
func (c *checks) text(b *block, rules *validate.StringRules, r typedRules, t target) {
	if rules.HasConst() {
		want := strconv.Quote(rules.GetConst())
		t.add(b, t.x+" != "+want, "string.const", "must be "+want)
	}
	c.lengths(b, r, t, "character", lengthRules{exact: "len", least: "min_len", most: "max_len"})
	c.lengths(b, r, t, "byte", lengthRules{exact: "len_bytes", least: "min_bytes", most: "max_bytes"})
	if rules.HasPattern() {
		name := c.variable("pattern", c.ours("Pattern")+"{Expr: "+strconv.Quote(rules.GetPattern())+"}")
		t.add(b, "!"+name+".Match("+t.x+")", "string.pattern", "must match the pattern "+rules.GetPattern())
	}
	for _, part := range []struct {
		has                 bool
		value               string
		not, function, rule string
		message             string
	}{
		{rules.HasPrefix(), rules.GetPrefix(), "!", "HasPrefix", "prefix", "must begin with "},
		{rules.HasSuffix(), rules.GetSuffix(), "!", "HasSuffix", "suffix", "must end with "},
		{rules.HasContains(), rules.GetContains(), "!", "Contains", "contains", "must contain "},
		{rules.HasNotContains(), rules.GetNotContains(), "", "Contains", "not_contains", "must not contain "},
	} {
		if part.has {
			value := strconv.Quote(part.value)
			t.add(b, part.not+c.name("strings", part.function)+"("+t.x+", "+value+")",
				"string."+part.rule, part.message+value)
		}
	}
	c.lists(b, r, texts(), t)
	c.format(b, rules, r, t)
}

// lengthRules are the names of the rules for a length.
type lengthRules struct{ exact, least, most string }

// lengths writes the rules for a length in units, characters or bytes.
func (c *checks) lengths(b *block, r typedRules, t target, unit string, names lengthRules) {
	var conds, ids, messages []string
	for _, rule := range []struct{ name, operator, message string }{
		{names.exact, "!=", "must have exactly "},
		{names.least, "<", "must have at least "},
		{names.most, ">", "must have at most "},
	} {
		if v, ok := r.get(rule.name); ok {
			conds = append(conds, lengthCond("n", rule.operator, v.Uint()))
			ids = append(ids, r.name+"."+rule.name)
			messages = append(messages, rule.message+count(v.Uint(), unit))
		}
	}
	if len(conds) == 0 {
		return // before a package is imported for nothing
	}
	n := "len(" + t.x + ")"
	if unit == "character" {
		n = c.name("unicode/utf8", "RuneCountInString") + "(" + t.x + ")"
	}
	if len(conds) == 1 {
		t.add(b, "n := "+n+"; "+conds[0], ids[0], messages[0])
		return
	}
	b.add("{")
	b.add("n := ", n)
	for i := range conds {
		t.add(b, conds[i], ids[i], messages[i])
	}
	b.add("}")
}

// textFormat is one of the well-known formats of strings.
type textFormat struct {
	check   string // the function of package rules
	message string
}

// formatOf returns the format that a rule asks for.
func formatOf(rule string) textFormat {
	switch rule {
	case "email":
		return textFormat{"IsEmail", "must be an e-mail address"}
	case "hostname":
		return textFormat{"IsHostname", "must be the name of a host"}
	case "ip":
		return textFormat{"IsIP", "must be an IP address"}
	case "ipv4":
		return textFormat{"IsIPv4", "must be an IPv4 address"}
	case "ipv6":
		return textFormat{"IsIPv6", "must be an IPv6 address"}
	case "uri":
		return textFormat{"IsURI", "must be a URI"}
	case "uri_ref":
		return textFormat{"IsURIRef", "must be a URI or a relative reference"}
	case "address":
		return textFormat{"IsAddress", "must be the name of a host or an IP address"}
	case "uuid":
		return textFormat{"IsUUID", "must be a UUID"}
	case "tuuid":
		return textFormat{"IsTUUID", "must be a UUID without dashes"}
	case "ulid":
		return textFormat{"IsULID", "must be a ULID"}
	case "ip_with_prefixlen":
		return textFormat{"IsIPWithPrefixLen", "must be an IP address with the length of its prefix"}
	case "ipv4_with_prefixlen":
		return textFormat{"IsIPv4WithPrefixLen", "must be an IPv4 address with the length of its prefix"}
	case "ipv6_with_prefixlen":
		return textFormat{"IsIPv6WithPrefixLen", "must be an IPv6 address with the length of its prefix"}
	case "ip_prefix":
		return textFormat{"IsIPPrefix", "must be an IP prefix, with no bits set behind its length"}
	case "ipv4_prefix":
		return textFormat{"IsIPv4Prefix", "must be an IPv4 prefix, with no bits set behind its length"}
	case "ipv6_prefix":
		return textFormat{"IsIPv6Prefix", "must be an IPv6 prefix, with no bits set behind its length"}
	case "protobuf_fqn":
		return textFormat{"IsFullName", "must be a full name as protobuf has them, such as shop.v1.Order"}
	case "protobuf_dot_fqn":
		return textFormat{"IsDottedFullName", "must be a full name with a dot before it, such as .shop.v1.Order"}
	default:
		return textFormat{}
	}
}

// format writes the rule for a well-known format, of which there is one at most. An empty string has an id of its own.
func (c *checks) format(b *block, rules *validate.StringRules, r typedRules, t target) {
	kind := r.WhichOneof(r.Descriptor().Oneofs().ByName("well_known"))
	if kind == nil {
		return
	}
	rule, id := string(kind.Name()), "string."+string(kind.Name())
	var cond, message string
	switch {
	case rule == "well_known_regex":
		c.header(b, rules, t)
		return
	case !r.Get(kind).Bool():
		return
	case rule == "host_and_port":
		cond, message = c.ours("IsHostAndPort")+"("+t.x+", true)", "must be a host with a port, such as example.com:443"
	default:
		f := formatOf(rule)
		cond, message = c.ours(f.check)+"("+t.x+")", f.message
	}
	if rule == "uri_ref" { // an empty string is one
		t.add(b, "!"+cond, id, message)
		return
	}
	c.notEmpty(b, t, t.x+` == ""`, "!"+cond, id, message)
}

// notEmpty writes a rule that has another id for an empty value.
func (c *checks) notEmpty(b *block, t target, empty, cond, id, message string) {
	b.add("if ", empty, " {")
	t.broken(b, id+"_empty", message)
	b.add("} else if ", cond, " {")
	t.broken(b, id, message)
	b.add("}")
}

// header writes the rules for names and values of HTTP fields.
func (c *checks) header(b *block, rules *validate.StringRules, t target) {
	strict := !rules.HasStrict() || rules.GetStrict()
	check := func(name string) string {
		if !strict {
			name = "IsHeaderSafe"
		}
		return "!" + c.ours(name) + "(" + t.x + ")"
	}
	switch rules.GetWellKnownRegex() {
	case validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME:
		c.notEmpty(b, t, t.x+` == ""`, check("IsHeaderName"), "string.well_known_regex.header_name",
			"must be the name of an HTTP header")
	case validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_VALUE:
		t.add(b, check("IsHeaderValue"), "string.well_known_regex.header_value", "must be the value of an HTTP header")
	case validate.KnownRegex_KNOWN_REGEX_UNSPECIFIED:
	}
}

// bytes writes the rules of a byte string. Comparing and slicing it as a string copies nothing.
func (c *checks) bytes(b *block, rules *validate.BytesRules, r typedRules, t target) {
	asText := "string(" + t.x + ")"
	if rules.HasConst() {
		t.add(b, asText+" != "+quoteBytes(rules.GetConst()), "bytes.const", "must be "+hex(rules.GetConst()))
	}
	c.lengths(b, r, t, "byte", lengthRules{exact: "len", least: "min_len", most: "max_len"})
	if rules.HasPattern() {
		name := c.variable("pattern", c.ours("Pattern")+"{Expr: "+strconv.Quote(rules.GetPattern())+"}")
		t.add(b, "!"+c.name("unicode/utf8", "Valid")+"("+t.x+") || !"+name+".MatchBytes("+t.x+")",
			"bytes.pattern", "must match the pattern "+rules.GetPattern())
	}
	for _, part := range []struct {
		has                     bool
		value                   []byte
		function, rule, message string
	}{
		{rules.HasPrefix(), rules.GetPrefix(), "HasPrefix", "prefix", "must begin with "},
		{rules.HasSuffix(), rules.GetSuffix(), "HasSuffix", "suffix", "must end with "},
		{rules.HasContains(), rules.GetContains(), "Contains", "contains", "must contain "},
	} {
		if part.has {
			name := c.variable("bytesOf", "[]byte("+quoteBytes(part.value)+")")
			t.add(b, "!"+c.name("bytes", part.function)+"("+t.x+", "+name+")",
				"bytes."+part.rule, part.message+hex(part.value))
		}
	}
	c.lists(b, r, byteTexts(), target{x: asText, at: t.at, key: t.key})
	for _, format := range []struct {
		set           bool
		rule, message string
		sizes         string
	}{
		{rules.GetIp(), "ip", "must be an IP address of 4 or 16 bytes", "n != 4 && n != 16"},
		{rules.GetIpv4(), "ipv4", "must be an IPv4 address of 4 bytes", "n != 4"},
		{rules.GetIpv6(), "ipv6", "must be an IPv6 address of 16 bytes", "n != 16"},
		{rules.GetUuid(), "uuid", "must be a UUID of 16 bytes", "n != 16"},
	} {
		if format.set {
			b.add("if n := len(", t.x, "); n == 0 {")
			t.broken(b, "bytes."+format.rule+"_empty", format.message)
			b.add("} else if ", format.sizes, " {")
			t.broken(b, "bytes."+format.rule, format.message)
			b.add("}")
		}
	}
}

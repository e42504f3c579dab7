package lint

import (
	"path"
	"regexp"
	"strings"
	"unicode"
)

// The rules about words are those of buf, so that both agree.

// pascal reports whether name is in Pascal case: it begins with a capital and has no separators.
func pascal(name string) bool {
	return name == toPascal(name)
}

// toPascal returns name in Pascal case. Capitals stay what they are.
func toPascal(name string) string {
	var b strings.Builder
	begin := true
	for _, r := range name {
		switch {
		case separates(r):
			begin = true
		case begin:
			b.WriteRune(unicode.ToUpper(r))
			begin = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// toLowerSnake returns name in lower case, with underscores between its words.
func toLowerSnake(name string) string { return strings.ToLower(snake(name)) }

// toUpperSnake returns name in upper case, with underscores between its words.
func toUpperSnake(name string) string { return strings.ToUpper(snake(name)) }

// snake puts underscores between the words of name, as in HTTP_Server_v1 for HTTPServer.v1. A word begins after a
// separator, with a capital after a small letter, and with the last capital of several before a small letter.
func snake(name string) string {
	runes := []rune(strings.TrimFunc(name, separates))
	var b []rune
	for i, r := range runes {
		last := rune('_')
		if len(b) > 0 {
			last = b[len(b)-1]
		}
		switch {
		case separates(r):
			if last != '_' {
				b = append(b, '_')
			}
			continue
		case unicode.IsUpper(r) && last != '_' && (unicode.IsLower(runes[i-1]) || beforeSmall(runes[i+1:])):
			b = append(b, '_')
		}
		b = append(b, r)
	}
	return string(b)
}

// beforeSmall reports whether what follows a capital makes it the first letter of a word.
func beforeSmall(rest []rune) bool {
	return len(rest) > 0 && !unicode.IsUpper(rest[0]) && !unicode.IsDigit(rest[0]) && !separates(rest[0])
}

func separates(r rune) bool { return r == '_' || r == '-' || r == '.' || unicode.IsSpace(r) }

// squash returns name without underscores in lower case: what the many ways to write a name in other languages have in
// common.
func squash(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// lastWord returns the last of the words of a name, in lower case.
func lastWord(name string) string {
	words := toLowerSnake(name)
	return words[strings.LastIndexByte(words, '_')+1:]
}

// base returns the last part of a dotted name.
func base(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }

var versionPattern = regexp.MustCompile(`^v[1-9]\d*((p[1-9]\d*)?(alpha|beta)([1-9]\d*)?|test.*)?$`)

// version returns the last component of a versioned package, such as v1, v2beta1, v1p1alpha2 or v1test; "" for others.
func version(pkg string) string {
	last := base(pkg)
	if last == pkg || !versionPattern.MatchString(last) {
		return ""
	}
	return last
}

// stable reports whether a version promises to stay compatible.
func stable(version string) bool {
	return version != "" && !strings.ContainsAny(version, "abt")
}

// firstWord returns the first word of a name in Pascal case, such as "Get" of GetUser.
func firstWord(name string) string {
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			return name[:i]
		}
	}
	return name
}

// directory returns where a package should lie: "shop/cart/v1" for shop.cart.v1.
func directory(pkg string) string { return path.Join(strings.Split(pkg, ".")...) }

package generate

import (
	"fmt"
	"go/token"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// goFiles finds contracts of which no Go file can be made: with a go_package that Go does not take, with a name that Go
// passes over, or with a text that is not UTF-8.
func (c *conflicts) goFiles(u *unit, packages map[string]goPackage) {
	for _, name := range u.contract.Names {
		p := packages[name]
		if text, help := p.wrong(u.contract.Path(name)); text != "" {
			at := atGoPackage(u.contract, name, text, help)
			if p.mapped {
				help = "it comes from --map or from fairlead.yaml; " + help
				at = idl.Problem{File: u.contract.Path(name), Text: text, Help: help}
			}
			c.problem(at)
		}
		if base := path.Base(name); c.writesGo() && (base[0] == '_' || base[0] == '.') {
			c.problem(idl.Problem{File: u.contract.Path(name),
				Text: fmt.Sprintf("Go passes over files whose names begin with %q, and so over the code", base[:1]),
				Help: "rename the contract"})
		}
		c.text(u.contract, name)
	}
}

// goDirectories finds contracts whose code lands in one directory and calls its package by different names.
func (c *conflicts) goDirectories(u *unit, packages map[string]goPackage) {
	if !c.writesGo() {
		return
	}
	for _, name := range u.contract.Names {
		p := packages[name]
		dir := c.goDirectory(u, name, p)
		first, ok := c.directories[dir]
		if !ok {
			c.directories[dir] = claim{unit: u, file: name, what: p.name}
			continue
		}
		if first.what == p.name || c.packages[p.path].what != p.name { // or it was reported already
			continue
		}
		c.problem(atGoPackage(u.contract, name, fmt.Sprintf(
			"the code lands in %s as package %s, and that of %s as package %s: Go takes one package in a directory",
			idl.Short(dir), p.name, where(atGoPackage(first.unit.contract, first.file, "", "")), first.what),
			"place it by import path, with --paths import, or move the contract to a directory of its own"))
	}
}

// writesGo reports whether the built-in generators write anything.
func (s *settings) writesGo() bool { return s.messages || s.vt || s.stubs || s.validate || s.jsonCode }

var notInName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// wrong says what Go would not take of a package, and what helps; "" for nothing. File is the contract's path.
func (p goPackage) wrong(file string) (text, help string) {
	if !strings.ContainsAny(p.path, "./") {
		example, ok := idl.GoPackage(file)
		if !ok {
			example = "example.com/your/module/" + strings.Trim(notInName.ReplaceAllString(p.path, "_"), "_")
		}
		return fmt.Sprintf("%q is not the import path of a Go package: it has neither a dot nor a slash", p.path),
			"write: " + example
	}
	if token.IsIdentifier(p.name) && p.name != "_" {
		return "", ""
	}
	name := strings.Trim(notInName.ReplaceAllString(p.name, "_"), "_")
	if !token.IsIdentifier(name) {
		name += "pb"
	}
	return fmt.Sprintf("%q is not a name for a Go package", p.name), fmt.Sprintf("write: %s;%s", p.path, name)
}

// text finds what is not UTF-8: comments, which the compiler takes as they are, become comments in Go.
func (c *conflicts) text(contract *idl.Contract, name string) {
	text, ok := contract.Text(name)
	if !ok || utf8.ValidString(text) {
		return
	}
	for at, r := range text {
		if _, size := utf8.DecodeRuneInString(text[at:]); r == utf8.RuneError && size == 1 {
			c.problem(contract.At(name, at, at+1, fmt.Sprintf("the byte 0x%02x is not UTF-8", text[at]),
				"convert the file: iconv -f ENCODING -t UTF-8"))
			return
		}
	}
}

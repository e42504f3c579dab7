package rpcwire

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
)

// The sizes in bytes of what is read of a page, and of what an error tells of it.
const (
	maxPage  = 4 << 10
	maxWords = 200
)

// PageTime is how long clients wait for the rest of a page, whose body may never end.
const PageTime = 500 * time.Millisecond

// Page is the beginning of a response that is not of the protocol, for the error: mostly one of a proxy, or of a web
// server at the wrong address.
type Page struct {
	html bool
	text []byte
}

// NewPage returns a page for a response whose body is text for people, nil for any other response.
func NewPage(contentType, contentEncoding string) *Page {
	if contentEncoding != "" && contentEncoding != Identity {
		return nil
	}
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	if media == "text/event-stream" {
		return nil // it may never end
	}
	for _, readable := range []string{"text/", "json", "xml"} {
		if strings.Contains(media, readable) {
			return &Page{html: strings.Contains(media, "html")}
		}
	}
	if media == "" {
		return new(Page)
	}
	return nil
}

// Add adds a part of the body. It reports whether there is room for more.
func (p *Page) Add(part []byte) bool {
	p.text = append(p.text, part[:min(len(part), maxPage-len(p.text))]...)
	return len(p.text) < maxPage
}

// Tell returns e with the first words of the page in its message; e itself, if the page has none.
func (p *Page) Tell(e *fairlead.Error) *fairlead.Error {
	text := strings.ToValidUTF8(string(p.text), " ")
	if p.html {
		text = withoutTags(text)
	}
	words := strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if words == "" {
		return e
	}
	if len(words) > maxWords {
		end := maxWords
		for !utf8.RuneStart(words[end]) {
			end--
		}
		words = words[:end] + "…"
	}
	return fairlead.PeerError(e.Code, fmt.Sprintf("%s; its text begins with %q", e.Message, words), nil)
}

// withoutTags returns roughly the text that a page of HTML shows: without tags, comments, scripts and styles.
func withoutTags(text string) string {
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			break
		}
		text = after
		end := ">"
		switch {
		case strings.HasPrefix(text, "!--"):
			end = "-->"
		case isTag(text, "script"):
			end = "</script"
		case isTag(text, "style"):
			end = "</style"
		case text == "" || !strings.ContainsRune("/!?", rune(text[0])) && !isLetter(text[0]):
			b.WriteByte('<') // it stands for itself
			continue
		}
		i := indexFold(text, end)
		if i < 0 {
			break
		}
		if end[len(end)-1] == '>' {
			i += len(end) // otherwise the tag is the next one
		}
		text = text[i:]
		b.WriteByte(' ')
	}
	return b.String()
}

// indexFold returns where text has the first part, in letters of either case, -1 if it has not. The part is ASCII.
func indexFold(text, part string) int {
	for i := range len(text) - len(part) + 1 {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// isTag reports whether text, behind a '<', is a tag of that name.
func isTag(text, name string) bool {
	return len(text) > len(name) && strings.EqualFold(text[:len(name)], name) && !isLetter(text[len(name)])
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

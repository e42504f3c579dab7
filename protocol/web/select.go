package web

import (
	"slices"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// selector selects the protocol that answers a request: the first that takes it. It is read-only.
type selector struct {
	apps    []protocol.HTTP
	routes  map[string]*protocol.Route // of methods, by path
	origins origins
	guard   *protocol.Guard
}

// Route implements protocol.Selector. Protocols find the answer in Head.Route.
func (s *selector) Route(path []byte) *protocol.Route { return s.routes[string(path)] }

// Select implements protocol.Selector.
func (s *selector) Select(h *protocol.Head) (protocol.Responder, protocol.Mode) {
	if h.TooLarge {
		h.Matched = tooLarge
		return refuser{}, protocol.Streamed
	}
	if refused := s.origins.answerTo(h); refused != nil {
		if refused == crossSiteRefused {
			s.guard.Note(protocol.CrossSite)
		}
		h.Matched = refused
		return refuser{}, refusing(h)
	}
	nearest := protocol.Pass
	for _, a := range s.apps {
		mode := a.Match(h)
		if mode.Takes() {
			if h.Verb == "CONNECT" {
				mode = protocol.Streamed // it does not end before it is answered
			}
			return a, mode
		}
		h.Matched = nil // it may have left something all the same
		nearest = max(nearest, mode)
	}
	h.Matched = answerTo(h, nearest)
	return refuser{}, refusing(h)
}

// refusing returns the mode of a request that the wire answers.
func refusing(h *protocol.Head) protocol.Mode {
	if h.Expect100 || h.Verb == "CONNECT" {
		return protocol.Streamed // the body comes once it is asked for, which it is not
	}
	return protocol.Complete
}

// answer is the response to requests that no protocol takes. With 405 and 204 it has the field allow.
type answer struct {
	head *protocol.Block
	text []byte
}

func newAnswer(status, text string) *answer {
	fields := []string{":status", status}
	if text != "" {
		fields = append(fields, "content-type", "text/plain; charset=utf-8")
	}
	return &answer{protocol.NewBlock(fields...), []byte(text)}
}

//nolint:gochecknoglobals // constants
var (
	noContent      = newAnswer("204", "")
	notFound       = newAnswer("404", "This server has nothing at this path.\n")
	notAllowed     = newAnswer("405", "This path is not served with the request's method.\n")
	unsupported    = newAnswer("415", "None of this server's protocols takes a request with this content type.\n")
	tooLarge       = newAnswer("431", "")
	noTunnel       = newAnswer("501", "Nothing at this path speaks what the request asks for.\n")
	notImplemented = newAnswer("501", "This server does not know the request's method.\n")
)

// answerTo returns the answer to a request that no protocol takes (RFC 9110, sections 9.1, 15.5.5, 15.5.6 and 15.5.16).
// nearest is the closest that a protocol came. WrongType says more than WrongVerb: the path and the method are right.
func answerTo(h *protocol.Head, nearest protocol.Mode) *answer {
	switch {
	case !knownVerb(h.Verb):
		return notImplemented
	case h.Verb == "CONNECT":
		return noTunnel // RFC 9220, section 3, on RFC 8441
	case nearest == protocol.WrongType:
		return unsupported
	case nearest == protocol.WrongVerb && h.Verb == "OPTIONS":
		return noContent
	case nearest == protocol.WrongVerb:
		return notAllowed
	}
	return notFound
}

// knownVerb reports whether a method is one of those of RFC 9110, section 9.1, or PATCH (RFC 5789).
func knownVerb(verb string) bool {
	switch verb {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return true
	}
	return false
}

// refusedTime is how long the wire waits for the rest of a request that no protocol takes before it answers. A response
// before the end of the request needs a reset after it (RFC 9113, section 8.1), and some clients then discard the
// response. And the frames of a stream are checked only as long as it is open.
const refusedTime = 500 * time.Millisecond

// refuser answers the requests that no protocol takes. It does not look at their bodies.
type refuser struct{}

// Deadline implements protocol.Responder.
func (refuser) Deadline(h *protocol.Head) time.Time { return h.Came.Add(refusedTime) }

// Stream implements protocol.Responder, for bodies that are long or late.
func (r refuser) Stream(x protocol.Exchange) { r.Whole(x, nil) }

// Whole implements protocol.Responder.
func (refuser) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	h := x.Head()
	r, ok := h.Matched.(*answer)
	if !ok {
		r = notFound
	}
	head := protocol.Section{Block: r.head}
	if len(h.Allow) > 0 && (r == notAllowed || r == noContent) {
		head.Extra = new(fairlead.Metadata)
		head.Extra.Append("allow", strings.Join(slices.Compact(slices.Sorted(slices.Values(h.Allow))), ", "))
	}
	if len(r.text) == 0 {
		x.Finish(head)
		return nil
	}
	// Bytes need no codec, so Reply cannot fail.
	_ = x.Reply(&protocol.Reply{Head: head, Message: protocol.Message{Bytes: r.text}})
	return nil
}

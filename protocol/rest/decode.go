package rest

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/compress"
)

// maxParams is the number of parameters that a query may have.
const maxParams = 1000

// fill makes a request, which is empty, of a body, the query and the path.
func (in *incoming) fill(req any, body []byte) error {
	if err := in.fillBody(req, body, in.contentType); err != nil {
		return err
	}
	return in.fillParams(req)
}

// fillBody fills what the body holds.
func (in *incoming) fillBody(req any, body []byte, contentType string) error {
	switch {
	case in.rule.RawBody != nil:
		in.rule.RawBody(req, contentType, append([]byte(nil), body...)) // it is kept
		return nil
	case in.body == nil || len(body) == 0:
		return nil
	case contentType == "":
		return withStatus(statusUnsupported, fairlead.Errorf(fairlead.InvalidArgument,
			"the request has a body and no content-type; JSON is %s", jsonType))
	case in.rule.Body != nil:
		return badBody(in.body.Unmarshal(body, in.rule.Body(req)))
	}
	return badBody(in.body.Unmarshal(body, req)) // it sets the field alone
}

// badBody returns the error of a body that cannot be decoded, nil for nil.
func badBody(err error) error {
	switch err.(type) { //nolint:errorlint // a wrapped one says more as a whole
	case nil:
		return nil
	case *fairlead.Error:
		return err
	}
	return fairlead.Errorf(fairlead.InvalidArgument, "the body cannot be decoded: %v", err)
}

// badEncoding returns the error of a body that cannot be decompressed.
func (in *incoming) badEncoding(encoding string, err error) error {
	if errors.Is(err, compress.ErrTooLarge) {
		return errTooLarge(in.s.recv)
	}
	return fairlead.Errorf(fairlead.InvalidArgument, "the body cannot be decompressed with %s: %v", encoding, err)
}

// errTooLarge returns the error of a body or message that is too long.
func errTooLarge(limit int) error {
	return withStatus(statusTooLarge, fairlead.Errorf(fairlead.ResourceExhausted,
		"the request exceeds the server's limit of %d bytes (server.MaxRecvMessage)", limit))
}

func isEnd(err error) bool { return err == io.EOF } //nolint:errorlint // Pipe returns it bare

// fillParams sets the fields of the query and of the path.
func (in *incoming) fillParams(req any) error {
	if in.rawQuery != "" {
		var err error
		if in.pairs, err = in.parseQuery(in.pairs[:0], in.rawQuery); err != nil {
			return err
		}
		if err := in.setPairs(req); err != nil {
			return err
		}
	}
	return in.fillPath(req)
}

// fillPath sets the fields of the path.
func (in *incoming) fillPath(req any) error {
	for i, p := range in.vars {
		in.texts = append(in.texts[:0], in.values[i])
		if err := p.Set(req, in.texts); err != nil {
			return badField(p.Name, err)
		}
	}
	return nil
}

// pair is a parameter of a query.
type pair struct {
	*param

	text string
}

// setPairs sets the fields that in.pairs name. All values of a field are set at once, whatever name it goes by.
func (in *incoming) setPairs(req any) error {
	if len(in.pairs) > 1 {
		slices.SortStableFunc(in.pairs, func(a, b pair) int { return cmp.Compare(a.index, b.index) })
	}
	for i := 0; i < len(in.pairs); {
		p := in.pairs[i].param
		in.texts = in.texts[:0]
		for ; i < len(in.pairs) && in.pairs[i].index == p.index; i++ {
			in.texts = append(in.texts, in.pairs[i].text)
		}
		if err := p.Set(req, in.texts); err != nil {
			return badField(p.Name, err)
		}
	}
	return nil
}

// parseQuery appends the parameters of a query that the rule knows (application/x-www-form-urlencoded).
func (in *incoming) parseQuery(pairs []pair, query string) ([]pair, error) {
	for n := 0; query != ""; {
		var one string
		one, query, _ = strings.Cut(query, "&")
		if one == "" {
			continue
		}
		if n++; n > maxParams {
			return nil, fairlead.Errorf(fairlead.InvalidArgument, "the query has more than %d parameters", maxParams)
		}
		key, text, _ := strings.Cut(one, "=")
		key, ok := unescape(key)
		if !ok {
			return nil, fairlead.Errorf(fairlead.InvalidArgument, "the name %.64q in the query has an invalid escape", key)
		}
		p := in.query[key]
		if p == nil {
			if in.s.opts.refuseUnknown {
				return nil, invalidField(key, "the query names a field that "+in.route.Method.Path+" does not take there")
			}
			continue
		}
		if text, ok = unescape(text); !ok {
			return nil, invalidField(p.Name, "the value has an invalid escape")
		}
		pairs = append(pairs, pair{p, text})
	}
	return pairs, nil
}

// unescape decodes a name or value of a query. It returns s itself and false if an escape is invalid.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) || fromHex(s[i+1]) > 15 || fromHex(s[i+2]) > 15 {
				return s, false
			}
			b = append(b, fromHex(s[i+1])<<4|fromHex(s[i+2]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

// fromHex returns the value of a hexadecimal digit, more than 15 for another character.
func fromHex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

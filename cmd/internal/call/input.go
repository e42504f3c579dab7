package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/dynamic"
)

// source is one place that requests come from.
type source struct {
	name  string // for errors
	split interface{ next() (value, error) }
	close func() error
}

// requests yields the requests of a call, one after another.
type requests struct {
	sources  []source // only read
	at       int      // the source that is being read
	method   *fairlead.Method
	resolver *dynamic.Resolver
	text     bool // protobuf's text format, not JSON
	unknown  bool // unknown fields are passed over
	limit    cli.Limit
	last     source
	lastAt   value
}

// errNoMore reports that there are no more requests.
var errNoMore = io.EOF

// inputOptions say how requests are read.
type inputOptions struct {
	stdin io.Reader
	text  bool      // protobuf's text format, not JSON
	lines bool      // somebody enters lines
	limit cli.Limit // of a request as it is written
}

// open opens what the values of --data name: text, "@file", or "@-" for stdin. Several values follow one another.
func (o *inputOptions) open(ctx context.Context, data []string) ([]source, error) {
	var list []source
	var errs []error
	for i, d := range data {
		name := "--data"
		if len(data) > 1 {
			name += "#" + strconv.Itoa(i+1)
		}
		path, isFile := strings.CutPrefix(d, "@")
		switch {
		case !isFile:
			list = append(list, o.source(name, strings.NewReader(d), false))
		case path == "" || path == "-":
			list = append(list, o.source("stdin", o.stdin, o.lines))
		default:
			// Opening a FIFO waits for somebody who writes to it.
			f, err := cli.Wait(ctx, func() (*os.File, error) { return os.Open(path) }) //nolint:gosec // the user's own file
			if err != nil && ctx.Err() != nil {
				return list, cli.Ended(ctx, "opening "+path)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("--data: %w", err))
				continue
			}
			s := o.source(path, f, false)
			s.close = f.Close
			list = append(list, s)
		}
	}
	return list, errors.Join(errs...)
}

func (o *inputOptions) source(name string, r io.Reader, lines bool) source {
	s := newSplitter(r, o.limit.Bytes)
	if o.text {
		return source{name: name, split: &textSplitter{r: s.r, line: 1, limit: o.limit.Bytes}}
	}
	s.lines = lines
	return source{name: name, split: s}
}

// close closes files, from whichever requests may still be read.
func (r *requests) close() {
	for _, s := range r.sources {
		if s.close != nil {
			_ = s.close() // it was only read
		}
	}
}

// next returns the next request, io.EOF when there is none, and an *inputError when it is not one.
func (r *requests) next() (proto.Message, error) {
	for r.at < len(r.sources) {
		s := r.sources[r.at]
		v, err := s.split.next()
		switch {
		case errors.Is(err, io.EOF):
			r.at++
			continue
		case errors.Is(err, errGivenUp):
			return nil, &inputError{name: s.name, line: v.line, column: v.column, text: err.Error()}
		case errors.Is(err, errTooLong):
			return nil, &cli.TooLargeError{
				Name:  fmt.Sprintf("%s:%d:%d: the message that begins here", s.name, v.line, v.column),
				Limit: r.limit.Bytes, Flag: r.limit.Flag,
			}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		r.last, r.lastAt = s, v
		return r.parse(s.name, v)
	}
	return nil, errNoMore
}

func (r *requests) parse(name string, v value) (proto.Message, error) {
	m := dynamic.NewRequest(r.method)
	var err error
	if r.text {
		err = prototext.UnmarshalOptions{Resolver: r.resolver, DiscardUnknown: r.unknown}.Unmarshal(v.text, m)
	} else {
		err = protojson.UnmarshalOptions{Resolver: r.resolver, DiscardUnknown: r.unknown}.Unmarshal(v.text, m)
	}
	if err != nil {
		return nil, explain(name, v, m.Descriptor(), err, r.text)
	}
	return m, nil
}

// one returns the request of a method that takes one: an empty message when there is none. It stops waiting for the
// input when ctx ends.
func (r *requests) one(ctx context.Context) (proto.Message, error) {
	m, err := cli.Wait(ctx, r.only)
	if err != nil && ctx.Err() != nil {
		return nil, cli.Ended(ctx, "waiting for the request")
	}
	return m, err
}

// only returns the request, and an error if another follows.
func (r *requests) only() (proto.Message, error) {
	m, err := r.next()
	if errors.Is(err, errNoMore) {
		return dynamic.NewRequest(r.method), nil
	}
	if err != nil {
		return nil, err
	}
	if _, err = r.next(); errors.Is(err, errNoMore) {
		return m, nil
	}
	return nil, &inputError{
		name: r.last.name, line: r.lastAt.line, column: r.lastAt.column,
		text: fmt.Sprintf("%s/%s takes one message, and here begins another", r.method.Service, r.method.Name),
	}
}

// item is a request, or the error in its place.
type item struct {
	message proto.Message
	err     error
}

// pump reads requests in a goroutine of its own, since reading from a terminal cannot be interrupted: the goroutine
// ends with the input, or at the first request after ctx has ended.
func (r *requests) pump(ctx context.Context) <-chan item {
	c := make(chan item)
	go func() {
		defer close(c)
		for {
			m, err := r.next()
			select {
			case c <- item{m, err}:
			case <-ctx.Done():
				return
			}
			var wrong *inputError
			if err != nil && !errors.As(err, &wrong) {
				return
			}
		}
	}()
	return c
}

package payload

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"text/template"
	"text/template/parse"
	"time"
)

// maxText is the longest text that randString makes.
const maxText = 1 << 20

// value is a function of this package with its arguments bound.
type value struct {
	// constant: text does not change.
	constant bool
	text     string
	// integer and text of others; one of them is set.
	integer func(s *State) int64
	append  func(dst []byte, s *State) []byte
}

// appendTo appends what the template would print.
func (v *value) appendTo(dst []byte, s *State) []byte {
	switch {
	case v.constant:
		return append(dst, v.text...)
	case v.integer != nil:
		return strconv.AppendInt(dst, v.integer(s), 10)
	default:
		return v.append(dst, s)
	}
}

func integer(f func(s *State) int64) (*value, error) { return &value{integer: f}, nil }

func text(f func(dst []byte, s *State) []byte) (*value, error) { return &value{append: f}, nil }

func constant(text string) (*value, error) { return &value{constant: true, text: text}, nil }

// function makes a value of a function's arguments: int64, float64 or string each.
type function struct {
	usage string
	bind  func(files *files, args []any) (*value, error)
}

// errArgs reports that a function was given arguments that it does not take; its usage goes behind.
var errArgs = errors.New("want")

// none is bind for functions without arguments.
func none(bind func() (*value, error)) func(*files, []any) (*value, error) {
	return func(_ *files, args []any) (*value, error) {
		if len(args) > 0 {
			return nil, errArgs
		}
		return bind()
	}
}

// functions returns the functions by name.
func functions() map[string]function {
	clock := func(f func(t time.Time) int64) func(*files, []any) (*value, error) {
		return none(func() (*value, error) { return integer(func(s *State) int64 { return f(s.now()) }) })
	}
	return map[string]function{
		"seq": {"seq", none(func() (*value, error) { return integer((*State).number) })},
		"worker": {"worker", none(func() (*value, error) {
			return integer(func(s *State) int64 { return int64(s.worker) })
		})},
		"message": {"message", none(func() (*value, error) {
			return integer(func(s *State) int64 { return int64(s.message) })
		})},
		"unix":      {"unix", clock(time.Time.Unix)},
		"unixMilli": {"unixMilli", clock(time.Time.UnixMilli)},
		"unixNano":  {"unixNano", clock(time.Time.UnixNano)},
		"timestamp": {"timestamp", none(func() (*value, error) {
			return text(func(dst []byte, s *State) []byte { return s.now().UTC().AppendFormat(dst, time.RFC3339Nano) })
		})},
		"uuid":       {"uuid", none(func() (*value, error) { return text(bySelf((*State).appendUUID)) })},
		"randInt":    {"randInt LOWEST HIGHEST", randInt},
		"randFloat":  {"randFloat LOWEST HIGHEST", randFloat},
		"randString": {"randString LENGTH", randString},
		"choice":     {"choice VALUE...", choice},
		"env":        {`env "NAME"`, env},
		"file":       {`file "PATH"`, file},
		"line":       {`line "PATH"`, line},
		"csv":        {`csv "PATH" "COLUMN"`, column},
	}
}

func bySelf(f func(s *State, dst []byte) []byte) func([]byte, *State) []byte {
	return func(dst []byte, s *State) []byte { return f(s, dst) }
}

func randInt(_ *files, args []any) (*value, error) {
	if len(args) != 2 {
		return nil, errArgs
	}
	low, ok1 := args[0].(int64)
	high, ok2 := args[1].(int64)
	if !ok1 || !ok2 {
		return nil, errArgs
	}
	if high < low || high-low < 0 || high-low == 1<<63-1 {
		return nil, fmt.Errorf("%d to %d is no range", low, high)
	}
	return integer(func(s *State) int64 { return low + s.random.Int64N(high-low+1) })
}

func randFloat(_ *files, args []any) (*value, error) {
	if len(args) != 2 {
		return nil, errArgs
	}
	var bounds [2]float64
	for i, a := range args {
		switch a := a.(type) {
		case int64:
			bounds[i] = float64(a)
		case float64:
			bounds[i] = a
		default:
			return nil, errArgs
		}
	}
	low, high := bounds[0], bounds[1]
	if high < low {
		return nil, fmt.Errorf("%v to %v is no range", low, high)
	}
	return text(func(dst []byte, s *State) []byte {
		return strconv.AppendFloat(dst, low+s.random.Float64()*(high-low), 'g', -1, 64)
	})
}

func randString(_ *files, args []any) (*value, error) {
	if len(args) != 1 {
		return nil, errArgs
	}
	n, ok := args[0].(int64)
	if !ok {
		return nil, errArgs
	}
	if n < 0 || n > maxText {
		return nil, fmt.Errorf("a length of %d is not within 0 to %d", n, maxText)
	}
	return text(func(dst []byte, s *State) []byte { return s.appendText(dst, int(n)) })
}

func choice(_ *files, args []any) (*value, error) {
	if len(args) == 0 {
		return nil, errArgs
	}
	texts := make([]string, 0, len(args))
	for _, a := range args {
		texts = append(texts, fmt.Sprint(a))
	}
	return text(func(dst []byte, s *State) []byte { return append(dst, texts[s.random.IntN(len(texts))]...) })
}

func env(_ *files, args []any) (*value, error) {
	name, err := oneText(args)
	if err != nil {
		return nil, err
	}
	v, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("the environment has no variable %s", name)
	}
	return constant(v)
}

func file(files *files, args []any) (*value, error) {
	path, err := oneText(args)
	if err != nil {
		return nil, err
	}
	content, err := files.read(path)
	if err != nil {
		return nil, err
	}
	return constant(content)
}

func line(files *files, args []any) (*value, error) {
	path, err := oneText(args)
	if err != nil {
		return nil, err
	}
	lines, err := files.lines(path)
	if err != nil {
		return nil, err
	}
	return turns(lines)
}

func column(files *files, args []any) (*value, error) {
	if len(args) != 2 {
		return nil, errArgs
	}
	path, ok1 := args[0].(string)
	name, ok2 := args[1].(string)
	if !ok1 || !ok2 {
		return nil, errArgs
	}
	cells, err := files.column(path, name)
	if err != nil {
		return nil, err
	}
	return turns(cells)
}

// turns gives the values in turn, by the number of the call.
func turns(values []string) (*value, error) {
	return text(func(dst []byte, s *State) []byte {
		return append(dst, values[uint64(s.number())%uint64(len(values))]...)
	})
}

func oneText(args []any) (string, error) {
	if len(args) == 1 {
		if s, ok := args[0].(string); ok {
			return s, nil
		}
	}
	return "", errArgs
}

// bind makes a value of a pipeline that is one function of this package with literal arguments; nil if it is none.
func bind(pipe *parse.PipeNode, files *files) (*value, error) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) != 1 {
		return nil, nil //nolint:nilnil // not of that form
	}
	args := pipe.Cmds[0].Args
	name, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return nil, nil //nolint:nilnil // as above
	}
	f, ok := functions()[name.Ident]
	if !ok {
		return nil, nil //nolint:nilnil // as above
	}
	literals := make([]any, 0, len(args))
	for _, a := range args[1:] {
		switch a := a.(type) {
		case *parse.StringNode:
			literals = append(literals, a.Text)
		case *parse.NumberNode:
			switch {
			case a.IsInt:
				literals = append(literals, a.Int64)
			case a.IsFloat:
				literals = append(literals, a.Float64)
			default:
				return nil, nil //nolint:nilnil // as above
			}
		default:
			return nil, nil //nolint:nilnil // as above
		}
	}
	v, err := f.bind(files, literals)
	return v, withUsage(f, name.Ident, err)
}

func withUsage(f function, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errArgs):
		return fmt.Errorf("%s: want {{%s}}", name, f.usage)
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
}

// funcs are the functions for text/template. Those of a worker draw from its state; those for parsing have none.
func funcs(files *files, s *State) template.FuncMap {
	m := template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		escape: func(v any) string { return string(appendEscaped(nil, []byte(fmt.Sprint(v)))) },
	}
	for name, f := range functions() {
		m[name] = func(args ...any) (any, error) {
			for i, a := range args {
				if n, ok := a.(int); ok { // text/template gives literals their usual type
					args[i] = int64(n)
				}
			}
			v, err := f.bind(files, args)
			if err != nil {
				return nil, withUsage(f, name, err)
			}
			if v.integer != nil {
				return v.integer(s), nil
			}
			return string(v.appendTo(nil, s)), nil
		}
	}
	return m
}

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// maxCutMethods is the number of methods that a Shutdown names; the others are counted.
const maxCutMethods = 5

// cutoff is what was in progress when the time of a Shutdown was over.
type cutoff struct {
	conns   int
	calls   int           // in all
	methods []cutMethod   // those with most calls first
	other   int           // calls that no connection lists
	unnamed bool          // a connection lists none; otherwise the others are those whose callers have gone
	oldest  time.Duration // of the calls in methods
}

// cutMethod is a method with calls under way.
type cutMethod struct {
	path   string
	calls  int
	oldest time.Duration
}

// underWay returns what is in progress. The calls go on meanwhile.
func (s *Server) underWay(conns []protocol.ServerConn) *cutoff {
	c := &cutoff{conns: len(conns), calls: int(s.load.word.Load() &^ loadClosed >> bytesBits)}
	byPath := make(map[string]*cutMethod)
	listed := 0
	for _, conn := range conns {
		l, ok := conn.(protocol.CallLister)
		if !ok {
			c.unnamed = true
			continue
		}
		for _, call := range l.Calls() {
			c.add(byPath, call)
			listed++
		}
	}
	c.calls = max(c.calls, listed) // some may have ended in between
	c.other = c.calls - listed
	for _, m := range byPath {
		c.methods = append(c.methods, *m)
	}
	slices.SortFunc(c.methods, func(a, b cutMethod) int {
		return cmp.Or(cmp.Compare(b.calls, a.calls), cmp.Compare(b.oldest, a.oldest), cmp.Compare(a.path, b.path))
	})
	return c
}

func (c *cutoff) add(byPath map[string]*cutMethod, call *fairlead.Call) {
	path, age := call.Method().Path, call.Elapsed()
	m := byPath[path]
	if m == nil {
		m = &cutMethod{path: path}
		byPath[path] = m
	}
	m.calls++
	m.oldest = max(m.oldest, age)
	c.oldest = max(c.oldest, age)
}

// String describes what was cut, in a bounded length: "5 calls under way, the oldest 2m0s old: 3 of /a.B/Watch (2m0s),
// 2 of /a.B/Get (1.5s)".
func (c *cutoff) String() string {
	var b strings.Builder
	switch {
	case c.calls == 0 && c.conns == 0:
		return "nothing"
	case c.calls == 0:
		return counted(c.conns, "connection") + " open and no call under way"
	}
	b.WriteString(counted(c.calls, "call") + " under way")
	others := " others"
	if !c.unnamed {
		others = " whose caller has gone"
	}
	if len(c.methods) == 0 {
		if !c.unnamed {
			b.WriteString(others)
		}
		return b.String()
	}
	fmt.Fprintf(&b, ", the oldest %s old: ", age(c.oldest))
	named := c.methods[:min(len(c.methods), maxCutMethods)]
	for i, m := range named {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d of %s (%s)", m.calls, m.path, age(m.oldest))
	}
	rest := 0
	for _, m := range c.methods[len(named):] {
		rest += m.calls
	}
	if rest > 0 {
		fmt.Fprintf(&b, ", %d of %s", rest, counted(len(c.methods)-len(named), "other method"))
	}
	if c.other > 0 {
		fmt.Fprintf(&b, ", %d%s", c.other, others)
	}
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// age rounds for people.
func age(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// report logs what is cut, and returns the error of the Shutdown that cuts it.
func (s *Server) report(ctx context.Context, c *cutoff) error {
	err := ctx.Err()
	if c.calls == 0 && c.conns == 0 {
		return fmt.Errorf("server: Shutdown: %w", err)
	}
	reason := "canceled"
	if errors.Is(err, context.DeadlineExceeded) {
		reason = "timeout"
	}
	level := slog.LevelWarn
	if c.calls == 0 {
		level = slog.LevelDebug // nobody lost anything
	}
	s.cfg.logger.Log(ctx, level, "server: draining was cut short", "reason", reason, "calls", c.calls,
		"connections", c.conns, "oldest", age(c.oldest), "cut", c.String())
	return fmt.Errorf("server: Shutdown was cut short with %s: %w", c, err)
}

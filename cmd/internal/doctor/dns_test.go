package doctor

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// nameServer is a server of names on this machine.
type nameServer struct {
	conn    net.PacketConn
	answers func(name string, n int) []string // addresses; n counts the questions for IPv4
	asked   atomic.Int32
}

// newNameServer starts one, until the test ends, and returns a resolver that asks it.
func newNameServer(t *testing.T, answers func(name string, n int) []string) *net.Resolver {
	t.Helper()
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn, answers: answers}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (s *nameServer) serve() {
	buf := make([]byte, 512)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Response, m.Authoritative, m.RCode = true, true, dnsmessage.RCodeSuccess
		m.Additionals = nil
		if q.Type == dnsmessage.TypeA {
			list := s.answers(strings.TrimSuffix(q.Name.String(), "."), int(s.asked.Add(1)))
			if list == nil {
				continue // silence
			}
			if len(list) == 0 {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, a := range list {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(a).To4())},
				})
			}
		}
		if out, err := m.Pack(); err == nil {
			_, _ = s.conn.WriteTo(out, from)
		}
	}
}

func TestDNS(t *testing.T) {
	t.Parallel()
	const kubernetes = "nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local\noptions ndots:5\n"
	always := func(addrs ...string) func(string, int) []string {
		return func(string, int) []string { return append([]string{}, addrs...) }
	}
	tests := []struct {
		name, host, resolv string
		answers            func(name string, n int) []string
		wants              []want
	}{
		{"found", "shop.example.test", "nameserver 10.0.0.1\n", always("10.0.0.2", "10.0.0.1"),
			[]want{{OK, "shop.example.test: 2 addresses (10.0.0.1, 10.0.0.2), found in "}}},
		{"many", "shop.example.test.", "", always("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"),
			[]want{{OK, "5 addresses (10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4 and 1 more)"}}},
		{"by detours", "shop.example.test", kubernetes, always("10.0.0.1"), []want{
			{Warn, "has 2 dots and ndots is 5, so each lookup asks for it in 2 other domains first (default.svc."},
			{OK, "1 address (10.0.0.1)"},
		}},
		{"a dot at the end", "shop.example.test.", kubernetes, always("10.0.0.1"), []want{{OK, "1 address"}}},
		{"somewhere else", "shop.example.test", kubernetes, func(_ string, n int) []string {
			if n == 1 { // what a search list leads to
				return []string{"10.0.0.1"}
			}
			return []string{"192.0.2.1"}
		}, []want{
			{Warn, "leads to 10.0.0.1 by the search list (default.svc.cluster.local, svc.cluster.local), and to 192.0.2.1"},
			{OK, "1 address (10.0.0.1)"},
		}},
		{"slow", "shop.example.test", "", func(string, int) []string {
			<-time.After(slowLookup + 50*time.Millisecond)
			return []string{"10.0.0.1"}
		}, []want{{Warn, "the lookup took "}, {OK, "1 address"}}},
		{"no such name", "shop.example.test", kubernetes, always(), []want{
			{Fail, "there is no such name, or it has no addresses | see how the name is written; tried with default.svc."},
		}},
		{"a short name", "shop", "", always(), []want{{Fail, "no search list to complete it with | write the whole name"}}},
		{"silence", "shop.example.test", "nameserver 10.0.0.1\n", func(string, int) []string { return nil },
			[]want{{Fail, "the name servers (10.0.0.1) did not answer within 1s"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := examine(t, func(o *options) {
				o.address = tt.host + ":8080"
				o.dial = &dial.Flags{ConnectTimeout: time.Second}
			})
			x.resolver = newNameServer(t, tt.answers)
			x.root = files(map[string]string{"etc/resolv.conf": tt.resolv})
			compare(t, results(t, x, "dns"), tt.wants...)
		})
	}
	for _, addr := range []string{"127.0.0.1:80", "[::1]:80", ":80", "unix:/run/x"} {
		compare(t, results(t, examine(t, func(o *options) { o.address = addr }), "dns"), want{Skipped, ""})
	}
	compare(t, results(t, examine(t, nil), "dns"), want{Skipped, "--address"})
}

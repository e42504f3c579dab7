package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// startAdmin serves the process's figures at addr: /stats (with ?gc=1 after a collection), /cert and /debug/pprof/.
func startAdmin(ctx context.Context, addr string, cert []byte) (actual string, stop func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/stats", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		s := ReadStats(r.URL.Query().Get("gc") == "1")
		if err := json.NewEncoder(w).Encode(&s); err != nil {
			return // the client has gone
		}
	})
	mux.HandleFunc("/cert", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(cert) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)

	var lc net.ListenConfig
	lis, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("peer: -admin: %w", err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(lis) // it always returns an error, after Close ErrServerClosed
	}()
	return lis.Addr().String(), func() { _ = srv.Close(); <-done }, nil
}

// fetch gets a page of a server's admin address.
func fetch(ctx context.Context, admin, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("peer: %s: %s", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// fetchStats gets a server's figures.
func fetchStats(ctx context.Context, admin string, settle bool) (*Stats, error) {
	path := "/stats"
	if settle {
		path += "?gc=1"
	}
	text, err := fetch(ctx, admin, path)
	if err != nil {
		return nil, err
	}
	s := new(Stats)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("peer: /stats: %w", err)
	}
	return s, nil
}

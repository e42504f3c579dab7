package etcdtest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) //nolint:forbidigo // presets log calls there
	m.Run()
}

// startEtcd runs etcd in this process, with a store of its own.
func startEtcd(t *testing.T) *embed.Etcd {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.LogLevel = "fatal"
	free := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = free, free
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = free, free
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	defer cancel()
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		t.Fatal(err)
	case <-ctx.Done():
		t.Fatal("etcd is not ready after a minute")
	}
	return e
}

// overFairlead makes etcd's client library call addr with a Fairlead client: its own connection it never gets.
func overFairlead(t *testing.T, addr string) *clientv3.Client {
	t.Helper()
	b, err := preset.NewClient("static:///"+addr, client.MaxRecvMessage(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	conn := grpcgo.NewConn(b)
	c := clientv3.NewCtxClient(t.Context(), clientv3.WithZapLogger(zap.NewNop()))
	c.KV = clientv3.NewKVFromKVClient(pb.NewKVClient(conn), c)
	c.Watcher = clientv3.NewWatchFromWatchClient(pb.NewWatchClient(conn), c)
	c.Lease = clientv3.NewLeaseFromLeaseClient(pb.NewLeaseClient(conn), c, 5*time.Second)
	c.Cluster = clientv3.NewClusterFromClusterClient(pb.NewClusterClient(conn), c)
	c.Maintenance = clientv3.NewMaintenanceFromMaintenanceClient(pb.NewMaintenanceClient(conn), c)
	t.Cleanup(func() {
		if err := errors.Join(c.Watcher.Close(), c.Lease.Close()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return c
}

// serveWithFairlead serves etcd's own services with a Fairlead server, in the place of etcd's grpc-go server.
func serveWithFairlead(t *testing.T, e *embed.Etcd) (addr string) {
	t.Helper()
	var calls sync.Map
	reg := grpcgo.NewRegistrar(
		grpcgo.UnaryInterceptor(func(
			ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler,
		) (any, error) {
			calls.Store(info.FullMethod, true)
			return h(ctx, req)
		}),
		grpcgo.StreamInterceptor(func(
			srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler,
		) error {
			calls.Store(info.FullMethod, true)
			return h(srv, ss)
		}),
	)
	pb.RegisterKVServer(reg, v3rpc.NewQuotaKVServer(e.Server))
	pb.RegisterWatchServer(reg, v3rpc.NewWatchServer(e.Server))
	pb.RegisterLeaseServer(reg, v3rpc.NewQuotaLeaseServer(e.Server))
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(impls...))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx) // watches that clients leave open keep it waiting
		for _, m := range []string{"KV/Txn", "Watch/Watch", "Lease/LeaseKeepAlive"} {
			if _, ok := calls.Load("/etcdserverpb." + m); !ok {
				t.Errorf("%s was not called", m)
			}
		}
	})
	return srv.Addr().String()
}

// TestClient has etcd's client library work on a real etcd through a Fairlead client.
func TestClient(t *testing.T) {
	t.Parallel()
	e := startEtcd(t)
	exercise(t, overFairlead(t, e.Clients[0].Addr().String()))
}

// TestServer has etcd's client library with grpc-go's transport work on etcd's services on a Fairlead server.
func TestServer(t *testing.T) {
	t.Parallel()
	addr := serveWithFairlead(t, startEtcd(t))
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop(), Context: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	exercise(t, c)
}

// TestBoth has a Fairlead client and a Fairlead server between etcd's client library and etcd's services.
func TestBoth(t *testing.T) {
	t.Parallel()
	exercise(t, overFairlead(t, serveWithFairlead(t, startEtcd(t))))
}

// exercise uses keys, transactions, watches, leases and what etcd builds from them.
func exercise(t *testing.T, c *clientv3.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	defer cancel()
	t.Run("keys", func(t *testing.T) { keys(ctx, t, c) })
	t.Run("transaction", func(t *testing.T) { transaction(ctx, t, c) })
	t.Run("watch", func(t *testing.T) { watch(ctx, t, c) })
	t.Run("lease", func(t *testing.T) { lease(ctx, t, c) })
	t.Run("errors", func(t *testing.T) { refusals(ctx, t, c) })
	t.Run("locks", func(t *testing.T) { locks(ctx, t, c) })
}

func keys(ctx context.Context, t *testing.T, c *clientv3.Client) {
	value := string(make([]byte, 1<<20))
	for i := range 10 {
		if _, err := c.Put(ctx, fmt.Sprintf("keys/%d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Get(ctx, "keys/", clientv3.WithPrefix()) // 10 MiB in one message
	if err != nil || r.Count != 10 || len(r.Kvs[9].Value) != len(value) {
		t.Fatalf("got %d keys, %v", r.Count, err)
	}
	d, err := c.Delete(ctx, "keys/", clientv3.WithPrefix())
	if err != nil || d.Deleted != 10 {
		t.Fatalf("deleted %v, %v", d, err)
	}
}

func transaction(ctx context.Context, t *testing.T, c *clientv3.Client) {
	for i, want := range []bool{true, false} {
		r, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Version("txn"), "=", 0)).
			Then(clientv3.OpPut("txn", "then")).Else(clientv3.OpGet("txn")).Commit()
		if err != nil || r.Succeeded != want {
			t.Fatalf("transaction %d: got %v, %v, want %v", i, r, err, want)
		}
	}
	_, err := concurrency.NewSTM(c, func(s concurrency.STM) error {
		s.Put("txn", s.Get("txn")+" stm")
		return nil
	}, concurrency.WithAbortContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(ctx, "txn"); err != nil || string(r.Kvs[0].Value) != "then stm" {
		t.Errorf("got %v, %v", r, err)
	}
}

// watch opens several watches, which share one stream, and cancels one of them.
func watch(ctx context.Context, t *testing.T, c *clientv3.Client) {
	one, stop := context.WithCancel(ctx)
	defer stop()
	gone := c.Watch(one, "watch/gone", clientv3.WithCreatedNotify())
	stay := c.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithPrevKV())
	for _, ch := range []clientv3.WatchChan{gone, stay} {
		if r := <-ch; !r.Created || r.Err() != nil {
			t.Fatalf("got %+v, want it created", r)
		}
	}
	stop()
	for range gone { // until it is closed
	}
	const events = 50
	for i := range events {
		if _, err := c.Put(ctx, "watch/x", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < events; {
		r, ok := <-stay
		if !ok || r.Err() != nil {
			t.Fatalf("the watch ended: %v", r.Err())
		}
		for _, ev := range r.Events {
			if got := string(ev.Kv.Value); got != fmt.Sprint(i) {
				t.Fatalf("got event %s, want %d", got, i)
			}
			i++
		}
	}
}

// lease keeps a lease alive for longer than it was granted for, and sees its key go with it.
func lease(ctx context.Context, t *testing.T, c *clientv3.Client) {
	l, err := c.Grant(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(ctx, "lease", "x", clientv3.WithLease(l.ID)); err != nil {
		t.Fatal(err)
	}
	alive, stop := context.WithCancel(ctx)
	defer stop()
	ch, err := c.KeepAlive(alive, l.ID)
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 2500*time.Millisecond; {
		if r, ok := <-ch; !ok || r.TTL != 2 {
			t.Fatalf("got %v, %v", r, ok)
		}
	}
	if r, err := c.Get(ctx, "lease"); err != nil || r.Count != 1 {
		t.Fatalf("while it is alive: got %v, %v", r, err)
	}
	stop()
	if _, err := c.Revoke(ctx, l.ID); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(ctx, "lease"); err != nil || r.Count != 0 {
		t.Errorf("after it was revoked: got %v, %v", r, err)
	}
}

// refusals looks at errors, which etcd's client library recognises by code and text.
func refusals(ctx context.Context, t *testing.T, c *clientv3.Client) {
	if _, err := c.Put(ctx, "", "x"); !errors.Is(err, rpctypes.ErrEmptyKey) {
		t.Errorf("an empty key: got %v", err)
	}
	if _, err := c.Revoke(ctx, 4711); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		t.Errorf("an unknown lease: got %v", err)
	}
	// Compaction makes earlier revisions unavailable, which ends a watch on them.
	put, err := c.Put(ctx, "compacted", "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(ctx, put.Header.Revision); err != nil {
		t.Fatal(err)
	}
	if r := <-c.Watch(ctx, "compacted", clientv3.WithRev(1)); !errors.Is(r.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a watch on a compacted revision: got %v", r.Err())
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Get(ended, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: got %v", err)
	}
	late, cancel := context.WithTimeout(ctx, -1)
	defer cancel()
	if _, err := c.Get(late, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline that has passed: got %v", err)
	}
}

// locks has two sessions take turns at a lock.
func locks(ctx context.Context, t *testing.T, c *clientv3.Client) {
	const turns = 5
	shared := 0
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			s, err := concurrency.NewSession(c, concurrency.WithContext(ctx), concurrency.WithTTL(30))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			m := concurrency.NewMutex(s, "locks/")
			for range turns {
				if err := m.Lock(ctx); err != nil {
					t.Error(err)
					return
				}
				shared++ // the race detector watches
				if err := m.Unlock(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if shared != 2*turns {
		t.Errorf("got %d turns, want %d", shared, 2*turns)
	}
}

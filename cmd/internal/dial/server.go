package dial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/discovery/dns"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
)

// Server is a server as a command reaches it.
type Server struct {
	Client  *client.Client
	Address Address
	TLS     bool

	flags *Flags
	trace *trace
}

// Options are the settings of a command beside those of its flags.
type Options struct {
	// Client has options that come after those of the flags.
	Client []client.Option
	// Watch looks at all that connections receive, for FirstByte. It costs a little for each read.
	Watch bool
	// Metadata goes with each call in place of what --header says, for commands that give headers another meaning. Nil:
	// what --header says.
	Metadata *fairlead.Metadata
}

// Open checks the flags and the address, reads the files for TLS and headers, and makes the client. It connects to
// nothing. Its errors are those of wrong usage.
func (f *Flags) Open(ctx context.Context, address string, o Options) (*Server, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	a, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	s := &Server{Address: a, flags: f, trace: new(trace)}
	if s.TLS, err = f.Secure(a); err != nil {
		return nil, err
	}
	opts, err := f.clientOptions(ctx, s, &o)
	if err != nil {
		return nil, err
	}
	if s.Client, err = preset.NewClient(a.Target, append(opts, o.Client...)...); err != nil {
		return nil, err
	}
	return s, nil
}

func (f *Flags) clientOptions(ctx context.Context, s *Server, o *Options) ([]client.Option, error) {
	var md fairlead.Metadata
	var err error
	if o.Metadata != nil {
		md = *o.Metadata
	} else if md, err = f.Metadata(ctx); err != nil {
		return nil, err
	}
	byName, err := dns.New()
	if err != nil {
		return nil, err
	}
	var wire []web.ClientOption
	if f.HTTP1 {
		wire = append(wire, web.UseHTTP1())
	}
	opts := []client.Option{
		preset.ClientProtocol(preset.Protocol(f.Protocol), wire...),
		client.Dialer(&dialer{trace: s.trace, watch: o.Watch}),
		client.Resolver(
			&resolver{Resolver: byName, trace: s.trace},
			&resolver{Resolver: static.Resolver{}, trace: s.trace},
			&resolver{Resolver: static.Unix{}, trace: s.trace},
		),
		client.ConnectTimeout(f.ConnectTimeout),
		client.Logger(slog.New(slog.DiscardHandler)), // errors are told once, where they matter
		client.UserAgent("fairlead-cli"),
	}
	if s.TLS {
		cfg, err := f.TLSConfig(ctx)
		if err != nil {
			return nil, err
		}
		opts = append(opts, client.TLS(cfg))
	}
	if f.Authority != "" {
		opts = append(opts, client.Authority(f.Authority))
	}
	if f.MaxMessage > 0 {
		opts = append(opts, client.MaxRecvMessage(int(f.MaxMessage)), client.MaxSendMessage(math.MaxInt32))
	}
	if f.Compress != "" {
		// What was asked for is done, however small the message.
		opts = append(opts, client.Compress(f.Compress), client.CompressMin(0))
	}
	if md.Len() > 0 {
		opts = append(opts, client.Use(sendHeaders(&md)))
	}
	return opts, nil
}

// sendHeaders adds md to each call, those that ask for the contract included: servers that want a token want it there
// too.
func sendHeaders(md *fairlead.Metadata) fairlead.Middleware {
	return func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			h := c.RequestHeader()
			h.Grow(md.Len())
			for k, v := range md.All() {
				h.Append(k, v)
			}
			return next(ctx, c)
		}
	}
}

// Connect connects, within the time of --connect-timeout and of ctx. The error, a *cli.Error, says what was tried, for
// how long, and what may help.
func (s *Server) Connect(ctx context.Context) error {
	begun := time.Now()
	within, cancel := context.WithTimeout(ctx, s.flags.ConnectTimeout)
	defer cancel()
	err := s.Client.Connect(within)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return cli.Failed(cli.Ended(ctx, ""))
	}
	return cli.Failed(s.unreachable(err, time.Since(begun)))
}

// Close ends the client.
func (s *Server) Close() {
	_ = s.Client.Close() // it returns nil
}

// Contract returns what is known of the server's services: what its reflection says, or the files that flags name.
// Errors of files are returned at once, those of reflection come when something is asked.
func (s *Server) Contract(ctx context.Context) (*dynamic.Source, error) {
	if !s.flags.HasFiles() {
		src, err := dynamic.FromServer(s.Client, append(s.flags.contractOptions(), dynamic.Name(s.Address.Text))...)
		return src, cli.Failed(err)
	}
	if s.flags.Reflect {
		return s.flags.files(ctx, dynamic.Server(s.Client))
	}
	return s.flags.files(ctx)
}

// contractOptions limit what a contract may be.
func (f *Flags) contractOptions() []dynamic.Option {
	return []dynamic.Option{dynamic.MaxBytes(max(maxContract, int(f.MaxMessage))), dynamic.MaxFiles(maxFiles)}
}

// The limits of a contract: of what reflection answers, in bytes, unless --max-message is more, and of files.
const (
	maxContract = 64 << 20
	maxFiles    = 100_000
)

// Asking returns the context for questions about the contract, which ends after --connect-timeout.
func (s *Server) Asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.flags.SettingUp(ctx)
}

// Method returns the method that a name stands for in what Contract returned, and asks the server for no longer than
// --connect-timeout. Its errors are those of ContractError.
func (s *Server) Method(ctx context.Context, contract *dynamic.Source, name string) (*fairlead.Method, error) {
	asking, cancel := s.Asking(ctx)
	defer cancel()
	m, err := contract.Method(asking, name)
	return m, ContractError(asking, contract, err)
}

// ContractError adds to an error of a contract what may help, and makes it a *cli.Error. It returns nil for nil. Ctx is
// the one with which the contract was asked: when that has ended, the error says why.
func ContractError(ctx context.Context, contract *dynamic.Source, err error) error {
	switch {
	case err == nil:
		return nil
	case ended(ctx, err):
		return cli.Failed(cli.Ended(ctx, "asking "+contract.Name()+" for its contract"))
	case errors.Is(err, dynamic.ErrNoReflection):
		err = fmt.Errorf("%w\nhint: name the contract with --proto FILE or --descriptor-set FILE, "+
			"or add reflection to the server", err)
	case errors.Is(err, dynamic.ErrTooLarge):
		err = fmt.Errorf("%w\nhint: --max-message SIZE raises the limit", err)
	}
	return cli.Failed(err)
}

// ended reports whether ctx has ended. The deadline of a call, which is ctx's, may have ended the call a moment before.
func ended(ctx context.Context, err error) bool {
	deadline, ok := ctx.Deadline()
	if ok && fairlead.CodeOf(err) == fairlead.DeadlineExceeded && time.Until(deadline) < 100*time.Millisecond {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// FileContract returns what the files say that flags name, for commands without a server.
func (f *Flags) FileContract(ctx context.Context) (*dynamic.Source, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	return f.files(ctx)
}

// files compiles and reads the files that flags name.
func (f *Flags) files(ctx context.Context, opts ...dynamic.Option) (*dynamic.Source, error) {
	set := new(descriptorpb.FileDescriptorSet)
	var errs []error
	for _, path := range f.Sets {
		errs = append(errs, f.readSet(ctx, path, set))
	}
	if len(f.Proto) > 0 {
		errs = append(errs, f.compile(ctx, set))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, cli.Failed(err)
	}
	opts = append(append(opts, f.contractOptions()...), dynamic.Name(f.names()))
	src, err := dynamic.FromSet(set, opts...)
	return src, cli.Failed(err)
}

// names returns what errors call the files.
func (f *Flags) names() string {
	all := append(append([]string(nil), f.Proto...), f.Sets...)
	if len(all) > 1 {
		return all[0] + " and others"
	}
	return all[0]
}

func (f *Flags) readSet(ctx context.Context, path string, into *descriptorpb.FileDescriptorSet) error {
	b, err := f.ReadFile(ctx, path, cli.Limit{Bytes: maxSet})
	if err != nil {
		return fmt.Errorf("--descriptor-set: %w", err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(b, set); err != nil || len(set.GetFile()) == 0 {
		return &setError{path: path, cause: err}
	}
	into.File = append(into.File, set.GetFile()...)
	return nil
}

// setError is about a file that is no descriptor set.
type setError struct {
	path  string
	cause error
}

// Error says what the file is not, and how such files are made.
func (e *setError) Error() string {
	text := e.path + " is not a FileDescriptorSet as protoc --descriptor_set_out --include_imports and buf build make it"
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *setError) Unwrap() error { return e.cause }

// compile compiles the .proto files.
func (f *Flags) compile(ctx context.Context, into *descriptorpb.FileDescriptorSet) error {
	sources, err := idl.Find(f.Proto, f.Roots)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return errors.New("--proto: there are no .proto files")
	}
	var errs []error
	for _, src := range sources {
		c, err := idl.Compile(ctx, src)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		into.File = append(into.File, c.Files...)
	}
	return errors.Join(errs...)
}

package grpcgo

import (
	"errors"
	"io"
	"reflect"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

type rpcCredentials = credentials.PerRPCCredentials

// settings is what the options of a call ask for. As in grpc-go the last option of a kind wins.
type settings struct {
	wait       *bool
	recv, send *int
	compressor string
	creds      []rpcCredentials // at most one
	onEnd      bool             // something is to be reported when the call is over
}

// parseOptions reads the options of a call. An option that would be ignored is an error instead.
func parseOptions(opts []grpc.CallOption) (settings, error) {
	var s settings
	for _, o := range opts {
		if fault := nilIn(o); fault != "" {
			return s, status.Error(codes.Internal, "grpcgo: "+fault)
		}
		if err := s.parse(o); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *settings) parse(o grpc.CallOption) error {
	switch o := o.(type) {
	case grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption, grpc.OnFinishCallOption:
		s.onEnd = true
	case grpc.FailFastCallOption:
		wait := !o.FailFast
		s.wait = &wait
	case grpc.MaxRecvMsgSizeCallOption:
		s.recv = &o.MaxRecvMsgSize
		return checkLimit("MaxCallRecvMsgSize", o.MaxRecvMsgSize)
	case grpc.MaxSendMsgSizeCallOption:
		s.send = &o.MaxSendMsgSize
		return checkLimit("MaxCallSendMsgSize", o.MaxSendMsgSize)
	case grpc.CompressorCallOption:
		s.compressor = o.CompressorType
	case grpc.PerRPCCredsCallOption:
		s.creds = []rpcCredentials{o.Creds}
	case grpc.ContentSubtypeCallOption:
		if o.ContentSubtype != "" && o.ContentSubtype != "proto" {
			return unsupported("CallContentSubtype(" + o.ContentSubtype + ")")
		}
	case grpc.StaticMethodCallOption, grpc.EmptyCallOption, grpc.MaxRetryRPCBufferSizeCallOption:
		// Nothing here depends on them: Fairlead copies no requests for retries.
	case grpc.ForceCodecCallOption, grpc.ForceCodecV2CallOption:
		return unsupported("ForceCodec")
	case grpc.CustomCodecCallOption:
		return unsupported("CallCustomCodec")
	case grpc.AuthorityOverrideCallOption:
		return unsupported("CallAuthority")
	default:
		if !carriesNothing(o) {
			return unsupported(reflect.TypeOf(o).String())
		}
	}
	return nil
}

// nilIn returns what is wrong with an option that is nil or was given nil, "" for any other.
func nilIn(o grpc.CallOption) string {
	var name string
	isNil := false
	switch o := o.(type) {
	case nil:
		return "a call option is nil"
	case grpc.HeaderCallOption:
		name, isNil = "Header", o.HeaderAddr == nil
	case grpc.TrailerCallOption:
		name, isNil = "Trailer", o.TrailerAddr == nil
	case grpc.PeerCallOption:
		name, isNil = "Peer", o.PeerAddr == nil
	case grpc.OnFinishCallOption:
		name, isNil = "OnFinish", o.OnFinish == nil
	case grpc.PerRPCCredsCallOption:
		name, isNil = "PerRPCCredentials", o.Creds == nil
	}
	if !isNil {
		return ""
	}
	return "the call option " + name + " was given nil"
}

// carriesNothing reports whether o, of a type that this package does not know, is one that others defined for their
// interceptors by embedding grpc.EmptyCallOption, which does nothing to the call itself.
func carriesNothing(o grpc.CallOption) bool {
	t := reflect.TypeOf(o)
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName("EmptyCallOption")
	return ok && f.Anonymous && f.Type == reflect.TypeFor[grpc.EmptyCallOption]()
}

func unsupported(option string) error {
	return status.Errorf(codes.Unimplemented, "grpcgo: the call option %s is not supported", option)
}

func checkLimit(option string, n int) error {
	if n < 1 {
		return status.Errorf(codes.Unimplemented, "grpcgo: the call option %s wants at least 1 byte, got %d", option, n)
	}
	return nil
}

// newCall makes a call with the settings and one option more.
func (s *settings) newCall(m *fairlead.Method, request any, last ...fairlead.CallOption) *fairlead.Call {
	var buf [6]fairlead.CallOption
	opts := buf[:0]
	if s.wait != nil {
		opts = append(opts, fairlead.WithWaitForReady(*s.wait))
	}
	if s.recv != nil {
		opts = append(opts, fairlead.WithRecvLimit(*s.recv))
	}
	if s.send != nil {
		opts = append(opts, fairlead.WithSendLimit(*s.send))
	}
	if s.compressor != "" {
		opts = append(opts, fairlead.WithCompressor(s.compressor))
	}
	return fairlead.NewCall(m, request, append(opts, last...)...)
}

// report fills what options ask for when a call is over; c is nil when nothing was sent.
func report(c *fairlead.Call, opts []grpc.CallOption, err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	for _, o := range opts {
		if nilIn(o) != "" {
			continue // the call has failed for it
		}
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			// A response that is nothing but an error has no header.
			if c != nil && (err == nil || c.ResponseHeader().Len() > 0) {
				*o.HeaderAddr = headerMD(c)
			}
		case grpc.TrailerCallOption:
			if c != nil {
				*o.TrailerAddr = toMD(c.ResponseTrailer(), 0)
			}
		case grpc.PeerCallOption:
			if c != nil && c.Peer() != nil {
				*o.PeerAddr = *toPeer(c.Peer())
			}
		case grpc.OnFinishCallOption:
			o.OnFinish(err)
		}
	}
}

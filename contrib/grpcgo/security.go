package grpcgo

import (
	"context"
	"strings"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// security is what the owner of a Conn says about the connections below; nil: they may be plaintext.
type security struct{ authority string }

// authenticate adds to the call what its credentials say.
func (s *security) authenticate(ctx context.Context, c *fairlead.Call, creds rpcCredentials) error {
	m := c.Method()
	info := credentials.RequestInfo{Method: m.Path}
	host := ""
	if s != nil {
		host = strings.TrimSuffix(s.authority, ":443")
		info.AuthInfo = credentials.TLSInfo{
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	} else if creds.RequireTransportSecurity() {
		return status.Error(codes.Unauthenticated,
			"transport: cannot send secure credentials on an insecure connection (see grpcgo.WithSecureTransport)")
	}
	audience := "https://" + host + "/" + m.Service
	pairs, err := creds.GetRequestMetadata(credentials.NewContextWithRequestInfo(ctx, info), audience)
	if err != nil {
		return credentialsError(err)
	}
	for key, value := range pairs {
		key = strings.ToLower(key) // RFC 9113, section 8.2: field names are in lower case
		if err := validatePair(key, value); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		c.RequestHeader().Add(key, value)
	}
	return nil
}

// credentialsError converts an error of GetRequestMetadata. Codes by which a caller would take it for the answer of
// the service become Internal
// (https://github.com/grpc/proposal/blob/master/A54-restrict-control-plane-status-codes.md).
func credentialsError(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return status.Errorf(codes.Internal, "transport: per-RPC creds failed due to error: %v", err)
	}
	switch st.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.Aborted,
		codes.OutOfRange, codes.DataLoss:
		return status.Errorf(codes.Internal, "transport: received per-RPC creds error with illegal status: %v", err)
	default:
		return err
	}
}

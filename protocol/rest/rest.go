// Package rest is REST by the HTTP rules of contracts (google.api.http) as the server side of protocol.HTTP: Server
// answers requests in JSON with the methods that have such rules (fairlead.HTTPRule). It uses no reflection but that of
// the codec.
//
// A request is made of its body, its query and the variables of its path, in this order. Names in the query that a rule
// does not have are ignored: see RefuseUnknown. A path that no rule has, or not with the request's method, is left to
// other protocols, and at last to the wire, which answers with 404, or with 405 and the field allow. Nothing redirects:
// a trailing or double slash makes another path.
//
// # Responses
//
// The status of a response is that of Call.SetHTTPStatus, or else that of the contract, or else 200. Metadata of the
// handler's are fields of the response: what it adds to ResponseHeader under its own name, so that "location" and
// "etag" are what HTTP has them for, and what it adds to ResponseTrailer with the prefix "trailer-", or in the trailer
// of a stream. Binary values are in base64. A GET or HEAD whose if-none-match has the response's etag gets 304. A
// response of server.CompressMin bytes or more is compressed if the client accepts it (accept-encoding).
//
// An error is one body that is both problem details (RFC 9457) and a google.rpc.Status:
//
//	{"type":"urn:fairlead:error:shop.example.com:OUT_OF_STOCK","title":"OUT_OF_STOCK","status":409,
//	 "detail":"the lamp is not in stock","code":9,"message":"the lamp is not in stock","details":[...]}
//
// Its status is Error.HTTPStatus, and google.rpc.RetryInfo becomes the field retry-after.
//
// # Streams
//
// The responses of a server-streaming method come in the form that the client accepts: one message a line
// (application/x-ndjson, also the default), elements of a JSON array (application/json), or server-sent events
// (text/event-stream). An error after the first message is a last line or element {"error":{...}}, or an event "error",
// with the body above.
//
// Events have the message as data and no id, unless the handler sets one with SetEventID, because it resumes by the
// field last-event-id. A stream that is complete ends with an event "end". A browser's EventSource would come back all
// the same: it then sends that event's id, and gets 204, after which it stays away. Comments keep the connection alive:
// see Heartbeat.
//
// The requests of a client-streaming method are lines (application/x-ndjson), elements of a JSON array
// (application/json), or parts of a form (multipart/form-data). Query and path are set in each of them.
//
// If a rule's body, or its result, is a google.api.HttpBody, bytes travel as they are: in a unary method as a whole, in
// a streaming one in parts, with nothing in between. Reader turns such a stream into an io.Reader.
package rest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fairlead-go/fairlead/codec/json"
)

// name is the name of the protocol.
const name = "rest"

// Option configures a Server.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// JSON sets how messages are written and read, such as whether names are those of the contract and unknown members are
// refused. Default: json.Codec{}.
func JSON(c json.Codec) Option { return option(func(cfg *config) { cfg.codec = c }) }

// RefuseUnknown sets whether a request with a name in its query that its rule does not have is refused with 400.
// Default: false; such names are ignored, as others add their own to links.
func RefuseUnknown(on bool) Option { return option(func(c *config) { c.refuseUnknown = on }) }

// ETags sets whether responses to GET and HEAD get an etag, made of their bytes, if the handler sets none. It saves
// sending a response that the client has, not making it, and costs a hash of each. Default: false.
func ETags(on bool) Option { return option(func(c *config) { c.etags = on }) }

// Heartbeat sets after how much silence a comment is sent on a stream of server-sent events, so that nothing on the way
// takes the connection for dead. A comment before the first message sends the response's head, without metadata that
// the handler has not sent. 0: never. Default: 15 s.
func Heartbeat(d time.Duration) Option { return option(func(c *config) { c.heartbeat = d }) }

// Retry sets how long an EventSource waits before it comes back after a broken connection. 0 leaves that to the
// browser. Default: 0.
func Retry(d time.Duration) Option { return option(func(c *config) { c.retry = d }) }

// config is what the options set.
type config struct {
	codec         json.Codec
	refuseUnknown bool
	etags         bool
	heartbeat     time.Duration
	retry         time.Duration
	errs          []error
}

const defaultHeartbeat = 15 * time.Second

// check returns what is wrong with the options.
func (c *config) check() error {
	errs := c.errs
	for _, d := range []struct {
		option string
		value  time.Duration
	}{{"Heartbeat", c.heartbeat}, {"Retry", c.retry}} {
		if d.value < 0 || d.value > math.MaxInt32*time.Millisecond {
			errs = append(errs, fmt.Errorf("rest: %s: %v is negative or too long", d.option, d.value))
		}
	}
	return errors.Join(errs...)
}

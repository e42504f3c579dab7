// Package rpcwire holds what protocols of remote calls over HTTP have in common, whatever their fields are called:
// gRPC, gRPC-Web and Connect. A protocol takes from it
//
//   - Reader: messages out of the parts of a body, in envelopes of one byte of flags and four of length;
//   - Messages: the codec of a method, for encoding and decoding; Outgoing: how a call's messages are sent;
//   - Compressors: which compressors a side has; Negotiation: which one a server uses for a call; Limit: how long a
//     message may be;
//   - Receive and Sendable: metadata in fields, binary values included;
//   - EncodeStatus and ParseStatus: google.rpc.Status; StatusOf and AddStatus: a status in trailers, as gRPC and
//     gRPC-Web have it;
//   - ClientStream: a streaming call of a client, from its request to its end, with resumption on another connection; a
//     ClientCall adds what the protocol does in its own way;
//   - ServerStream: a streaming call of a server; a ServerCall adds what the protocol does in its own way;
//   - ClientConn: the part of a client's connection that is not about calls;
//   - Deadlines: the end of unary calls whose time has run out;
//   - the errors of exchanges that broke.
//
// What differs stays with the protocols: the names of fields, content types, which fields are reserved, and how a
// response ends.
package rpcwire

// Package foreign tests Fairlead against gRPC's implementations in other languages, in both directions. Its programs in
// testdata are a client and a server for each language (Ruby has a client only), one file each; the tests run them case
// by case.
//
// All servers, Fairlead's included, implement grpc.testing.TestService in the same way:
//
//   - Request metadata whose keys begin with "echo-" comes back in the header and in the trailer. The header also has
//     "time-left-ms" if the call has a deadline.
//   - "hold: TOKEN" has UnaryCall and FullDuplexCall wait until their client gives them up. "await: begin/TOKEN" and
//     "await: end/TOKEN" have EmptyCall answer when such a call has begun, or was given up.
//   - "until: draining" has UnaryCall, and FullDuplexCall after its first message, wait until the server drains. The
//     event "begin/draining" is that UnaryCall does.
//   - "compress: gzip" has the response compressed, by servers that do not answer as they were asked anyway.
//   - A response_status with a code other than 0 ends a call with that status, and with the request's payload as its
//     only detail.
//   - Otherwise payloads are echoed: by StreamingOutputCall once for each of the response_parameters, by FullDuplexCall
//     for each message. StreamingInputCall answers with the sum of their sizes.
package foreign

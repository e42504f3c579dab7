// Package httprule is the run time of the HTTP rules of contracts (google.api.http): the templates of paths, and the
// functions with which generated code sets fields of requests from text. Package protocol/rest finds the rule of a
// request with a [Router]; the setters are for generated code.
//
// # Text
//
// The values of the path and of the query are read strictly, by their whole length:
//
//   - integers in base 10; floating-point numbers, NaN, Infinity and -Infinity as ProtoJSON writes them; booleans as
//     strconv.ParseBool takes them;
//   - enum values by name, or by a number that the contract has;
//   - bytes in base64, of the standard or the URL alphabet, with padding or without;
//   - google.protobuf.Timestamp as in RFC 3339, Duration as Go writes it ("1.5s", "2m"), FieldMask as paths separated
//     by commas, and the wrappers as what they wrap.
//
// The package imports only the standard library.
package httprule

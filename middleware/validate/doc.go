// Package validate checks messages against the rules of their contract, which are written there with protovalidate's
// options (buf/validate/validate.proto). fairlead gen compiles the rules to Go: a message with rules has a method
// ValidateFields, which the middleware calls. The functions that this code calls are in package rules.
//
// A request that breaks a rule is refused with INVALID_ARGUMENT before its handler runs. The error's message names the
// first field, and a google.rpc.BadRequest among its details lists all of them; Fields reads it on the other side.
//
// # Expressions
//
// Rules written in CEL (cel, cel_expression, and your own predefined rules) are not compiled. An Evaluator applies
// them; the module contrib/protovalidate has one. A contract without such rules needs none. A contract with such rules
// is never served without an Evaluator: the server is not made, with an error that names messages and fields, and on a
// client the calls of such methods fail with it.
//
// # Names of rules
//
// A Violation's Rule is the rule's id in protovalidate, such as "string.min_len". The reason in a BadRequest is the
// same in the form that google.rpc requires for reasons, STRING_MIN_LEN.
package validate

// Package validate checks messages against the rules of their contract, which are written there with protovalidate's
// options (buf/validate/validate.proto). The rules are compiled to Go by fairlead gen: a message with rules has a
// method ValidateFields, which the middleware calls. What such code calls in turn is in package rules.
//
// A request that breaks a rule is refused with INVALID_ARGUMENT before its handler runs. The error's message names the
// first field, and a google.rpc.BadRequest among its details lists all of them; Fields reads it on the other side.
//
// # Expressions
//
// Rules written in CEL (cel, cel_expression, and predefined rules of one's own) are not compiled: an Evaluator does
// them, which the module contrib/protovalidate has. A contract without such rules needs none. One with such rules and
// no Evaluator is never served unchecked: the server is not made, with an error that names messages and fields, and on
// a client calls of the methods concerned fail with it.
//
// # Names of rules
//
// A Violation's Rule is the rule's id as protovalidate has it, such as "string.min_len"; the reason in a BadRequest is
// the same in the form that google.rpc demands of reasons, STRING_MIN_LEN.
package validate

// Package payload makes the requests of a load generator from templates: JSON, in the mapping of protobuf, with actions
// of Go's text/template.
//
//	{"name": "user-{{seq}}", "age": {{randInt 18 99}}, "tags": ["{{choice "a" "b"}}"]}
//
// What an action prints within a string of JSON is escaped; outside strings it is a JSON value as it stands.
//
// A template is encoded in the cheapest way that its form allows. Without actions, or with those only whose value does
// not change (env, file), it is encoded once. If all actions stand at the template's top level and are a single
// function of this package with literal arguments, the parts that do not change are encoded once, and the others are
// written straight into the encoding, without JSON and without reflection. Any other template is executed, parsed as
// JSON and encoded again for each message.
package payload

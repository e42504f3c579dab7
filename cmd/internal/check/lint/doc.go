// Package lint looks for what is legal in a contract and hurts later: names that become awkward in generated code,
// layouts that cannot grow, declarations that cannot change any more, requests without limits.
//
// A rule is a line of the table and a small function that goes over a contract. Each has examples in testdata, under
// its id: files in the directory bad, in which comments of the form "want: RULE_ID:COLUMN" end the lines on which it
// must find something, and files in the directory good, in which it must not.
//
// Rules that buf has, too, have its names, and give the same verdicts.
package lint

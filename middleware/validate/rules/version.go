package rules

// GeneratedV1 is referred to by generated code. Code generated for a version of this package's contract that it no
// longer supports does not compile.
const GeneratedV1 = 1

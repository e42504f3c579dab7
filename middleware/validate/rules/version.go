package rules

// GeneratedV1 is the handshake constant of generated code: code that was generated for a version of this package's
// contract that it no longer serves does not compile.
const GeneratedV1 = 1

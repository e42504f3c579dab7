package fairlead

// Version is the framework's version; clients send it in their user agent.
const Version = "0.1.0-dev"

// GeneratedV1 is the handshake constant of generated code: code that was generated for a version of the stubs' contract
// that this package no longer serves does not compile.
const GeneratedV1 = 1

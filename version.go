package fairlead

// Version is the framework's version; clients send it in their user agent.
const Version = "0.1.0-dev"

// GeneratedV1 is referred to by generated code. Code generated for a version of the stubs' contract that this package
// no longer supports does not compile.
const GeneratedV1 = 1

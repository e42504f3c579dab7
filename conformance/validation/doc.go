// Package validation holds a contract with rules, and tests of what clients are told when requests break them:
// Fairlead's and grpc-go's, which reads the details with genproto's google.rpc.BadRequest.
package validation

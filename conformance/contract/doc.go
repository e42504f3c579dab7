// Package contract holds tests of what contracts say beside their methods: errors that the contract declares, between
// Fairlead and grpc-go in both directions, and HTTP rules, against what grpc-gateway makes of the same requests.
package contract

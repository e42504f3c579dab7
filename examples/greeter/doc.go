// Package greeter is the contract of the greeter example: messages, client and server stubs, generated from
// greeter.proto. The programs greeter/server and greeter/client use it.
package greeter

// Package attack has the tests that attack servers and clients of the framework over sockets, with frames made by hand.
// The table in docs/security.md says which test stands for what.
package attack

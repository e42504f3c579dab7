// Package bench measures Fairlead against grpc-go on the machine it runs on. It builds a server and a load program for
// each side, has them talk over loopback, side after side and round after round so that both see the same machine, and
// holds what it saw against the project's goals.
//
// Read scenario.go and goal.go for what is measured, run.go for how.
package bench

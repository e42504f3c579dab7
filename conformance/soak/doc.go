// Package soak has a test that runs for as long as one likes: clients of Fairlead and of grpc-go call servers of
// Fairlead while connections are cut and servers restarted, and at the end nothing may be left of it. The environment
// variable FAIRLEAD_SOAK says how long, 20 seconds otherwise, and FAIRLEAD_SEED repeats a run, as far as the scheduler
// does.
package soak

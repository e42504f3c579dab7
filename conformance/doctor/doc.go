// Package doctor holds tests of the command "fairlead doctor" against other implementations' servers. It has no code of
// its own.
package doctor

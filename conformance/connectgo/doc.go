// Package connectgo has Connect's own implementation for Go call Fairlead's server, and Fairlead's client call its
// handlers.
package connectgo

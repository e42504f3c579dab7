// Package websocket tests methods over WebSocket against clients of others, and servers of others as mounted handlers.
package websocket

// Package doctor is the command "fairlead doctor": checks of what a service runs on and with, each with its result, the
// reason, and what to do about it.
//
// Each check is a file: versions.go (with known.yaml), ports.go, files.go, dns.go, tlsfiles.go, tls.go, container.go,
// keepalive.go and growth.go. checks.go lists them.
package doctor

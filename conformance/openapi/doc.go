// Package openapi holds tests of the OpenAPI documents that "fairlead gen --openapi" writes against tools of others:
// kin-openapi, and Redocly's linter, which tools/foreign.sh installs.
package openapi

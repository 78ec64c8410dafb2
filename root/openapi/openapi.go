// Package openapi holds the description of a root's JSON API: OpenAPI 3.1, one
// document for what anybody may ask and one that has the admin API as well.
//
// Both are made from the Go types of package api, with their comments, and from
// the table of operations in the folder generate:
//
//	go generate ./root/openapi
//
// Tests fail when a document is not what would be made now, when a route of the
// root is not described, and when an answer of a root is not as described.
package openapi

import _ "embed"

//go:generate go run ./generate

// Public describes what the public listener answers.
//
//go:embed public.json
var Public []byte

// All describes both listeners.
//
//go:embed all.json
var All []byte

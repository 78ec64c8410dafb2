// Package api holds the JSON that a root speaks, and a small client for it.
//
// All paths begin with /api/v1 and are listed in package root. Errors are
// problem documents (RFC 9457, application/problem+json) with one extension,
// "errors", which names each member of a request that is wrong; [Problem] is
// one of them and is what the [Client] returns as its error.
//
// Times are RFC 3339 in UTC and whole seconds. Members that are empty are left
// out unless their comment says otherwise. Readers ignore members they do not
// know; the root refuses them in requests, so that a misspelt member is not
// lost in silence.
//
// The package imports the standard library and packages audit and proofofwork
// only.
package api

// AdminTokenPrefix begins every admin token on paper and on the wire, so that
// a token that ends up in a repository or a paste is recognised for what it
// is.
const AdminTokenPrefix = "msadm_"

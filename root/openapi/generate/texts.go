package main

import "net/http"

// An operation is one method of one path.
type operation struct {
	Method, Path    string
	Tag             string // of public ones
	Summary, More   string
	Query           []query
	Body            any // nil: none
	BodyMayBeAbsent bool
	Answers         []answer
	Problems        []int // beside those that follow from the path and the body
}

type query struct{ Name, Type, Text string }

type answer struct {
	Status int
	Text   string
	Body   any // nil: none
}

// Makers of operations.
func get(path, summary string, answers ...answer) operation {
	return operation{Method: http.MethodGet, Path: path, Summary: summary, Answers: answers}
}

func post(path, summary string, body any, answers ...answer) operation {
	return operation{Method: http.MethodPost, Path: path, Summary: summary, Body: body, Answers: answers}
}

func remove(path, summary string, answers ...answer) operation {
	return operation{Method: http.MethodDelete, Path: path, Summary: summary, Answers: answers}
}

func ok(body any) answer { return answer{http.StatusOK, "Done, and this is the answer.", body} }
func queued(body any) answer {
	return answer{http.StatusAccepted, "It is stored and durable. An admin decides.", body}
}

func (op operation) in(tag string) operation           { op.Tag = tag; return op }
func (op operation) more(text string) operation        { op.More = text; return op }
func (op operation) refuses(statuses ...int) operation { op.Problems = statuses; return op }
func (op operation) asks(q ...query) operation         { op.Query = q; return op }
func (op operation) optionalBody() operation           { op.BodyMayBeAbsent = true; return op }

var tags = []tag{
	{"registration", "Asking for a server or a mirror to be listed, and what became of it."},
	{"owner", "What the owner of a request or an entry may do. The secret part of a URL, or the server's own key, allows it."},
	{"list", "What is published. The lists themselves are documents beside the API: server.list, mirror.list and trust/N.trust."},
	{"operation", "What a monitor asks."},
	{adminTag, "What admins do, on the admin listener only."},
}

// parameters says what stands in a path.
var parameters = map[string]string{
	"id":    "Id of what is meant, as r17 of a registration or the id of an entry or a mirror.",
	"token": "Secret part of the URL that the answer to the request gave.",
	"name":  "server.list or mirror.list.",
}

// refusals says what a status means here.
var refusals = map[int]string{
	http.StatusBadRequest:            "The request is not well formed. Nothing was changed.",
	http.StatusUnauthorized:          "There is no valid token in the header Authorization.",
	http.StatusForbidden:             "Who asks may not: a block, a key or URL that is not the owner's, or a request that another site made a browser send.",
	http.StatusNotFound:              "There is no such thing, or the token is not the one that opens it.",
	http.StatusConflict:              "It cannot be done as things are now. The detail says why.",
	http.StatusRequestEntityTooLarge: "The body is larger than the root takes: 16384 bytes of JSON, where nothing else is said. Nothing was changed.",
	http.StatusUnsupportedMediaType:  "The body has another Content-Type than is described, or is compressed.",
	http.StatusUnprocessableEntity:   "Members of the body are wrong. The member errors names each. Nothing was changed.",
	http.StatusTooManyRequests:       "Too many requests came from this address or its network, the queue is full, or the root asks for a proof of work. The header Retry-After says in seconds when to try again. Nothing was changed.",
	http.StatusInternalServerError:   "The root failed. What was answered before is safe.",
	http.StatusServiceUnavailable:    "The root cannot do this at the moment.",
}

const tokenText = "An admin's token, which begins with msadm_. The first one lies in the file admin.token of the root's data folder."

const introduction = "A root takes registrations of game servers and mirrors, an admin decides about them, and what is approved is published as signed lists. " +
	"This is the JSON beside those lists. " +
	"Errors are problem documents (RFC 9457) with one extension, errors, which names each member of a request that is wrong. " +
	"What is not HTTP, or asks for what this server's HTTP does not do, never gets as far as that: it is answered in plain text or with nothing, and the connection ends. " +
	"That is 431 to a header of more than 20 kB, 400, 417, 501 and 505. " +
	"Times are RFC 3339 in UTC and whole seconds. Members that are empty are left out unless said otherwise. " +
	"Readers ignore members that they do not know; the root refuses them in requests, so that a misspelt member is not lost in silence. " +
	"Every GET answers HEAD as well. " +
	"Requests that may change something are counted for each source, an IPv4 address or an IPv6 /64, and for the network around it: 60 at once, then one a second; " +
	"what is above gets 429. New registrations are limited further by the hour, as root.toml says."

// Package root is the root node of an origin: it takes registrations, lets
// admins decide about them, and publishes the signed lists.
//
// # Parties
//
// Anybody may ask for a server to be listed; the request waits in a queue. An
// admin, who holds a token, approves or rejects it. The list key, which lies
// on this machine, signs editions of the list; the admin key and the recovery
// key sign trust documents and belong elsewhere. Clients and mirrors fetch
// documents; they hold no secret.
//
// # Two listeners
//
// The public one serves the documents from memory, takes registrations and
// tells requesters what became of them. Public input reaches the queue and
// nothing else. The admin one needs a token for everything and listens on
// loopback unless told otherwise ("ssh -L" reaches it). routes.go is the table
// of all routes; package api holds their JSON, package openapi its description,
// and package web the pages for people (pages.go).
//
// With [ListenNone] there is no public listener: what is published is pushed to
// the targets that root.toml names, and admins register what people ask for.
//
// # Owners
//
// Whoever holds the status URL of the first request for a server is its owner,
// and so is the server's own key. They ask for their entry to be changed, moved,
// withdrawn or transferred; each request waits for an admin like any other,
// except for what an admin has allowed the key (package signedrequest). Package
// proof checks whether a requester controls what they name. register_owner.go
// has the routes, [store.OwnerStore] the rules.
//
// # Mirrors
//
// A mirror's operator asks for it to be listed as a server's does. Once it is,
// the root looks at it as clients do, leaves it out of the list while clients
// are better off without it, and writes to whoever runs it; who asked is told by
// e-mail what was decided. GET /metrics on the
// admin listener tells monitoring how lists, mirrors and targets are; Prometheus
// sends an admin's token from a file (authorization: credentials_file).
//
// # The data folder
//
//	root.toml           the configuration (commented); flags win
//	root.db             registrations, entries, mirrors, editions (SQLite)
//	admin.token         the first admin's token, mode 0600
//	keys/list.key       signs the lists; later list keys lie beside it
//	keys/admin.key      signs trust documents; move it off this machine
//	keys/recovery.key   replaces a lost admin key; move it off this machine
//	public/             what is published: server.list, mirror.list, trust/
//
// A key is two files, NAME and NAME.pub. The newest trust document says which
// list keys sign: put the private key that it names into keys/ before you
// publish it.
//
// [Init] makes it, [New] opens it, [Root.Run] serves it, [Inspect] describes
// it. What was acknowledged survives the death of the process and the loss of
// power: a registration once 202 is sent, a decision once it is answered.
//
// Packages below: store keeps the state, issue is the only place that signs
// and publishes, watch looks at the mirrors, push brings documents to static
// hosts, mail sends messages, api holds the wire types.
package root

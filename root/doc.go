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
// and package web the pages for people.
//
// With [config.ListenNone] there is no public listener: what is published is
// pushed to the targets that root.toml names, and admins register what people ask
// for.
//
// # Owners
//
// Whoever holds the status URL of the first request for a server is its owner,
// and so is the server's own key. They ask for their entry to be changed, moved,
// withdrawn or transferred; each request waits for an admin like any other,
// except for what an admin has allowed the key (package signedrequest). Package
// proof checks whether a requester controls what they name. [store.OwnerStore]
// has the rules.
//
// # Mirrors
//
// A mirror's operator asks for it to be listed as a server's does. Once it is,
// the root looks at it as clients do, leaves it out of the list while clients
// are better off without it, and writes to whoever runs it; who asked is told by
// e-mail what was decided. GET /metrics on the admin listener tells monitoring
// how lists, mirrors and targets are; Prometheus sends an admin's token from a
// file (authorization: credentials_file).
//
// # The data folder
//
//	root.toml           the configuration (package config); flags win
//	root.db             registrations, entries, mirrors, editions (SQLite)
//	admin.token         the first admin's token, mode 0600
//	keys/list.key       signs the lists; later list keys lie beside it
//	keys/admin.key      signs trust documents; move it off this machine
//	keys/recovery.key   replaces a lost admin key; move it off this machine
//	public/             what is published: server.list, mirror.list, trust/
//	acme/               account and certificates of an authority, if [tls] asks for one
//	lock                held by the process that serves the root
//
// A key is two files, NAME and NAME.pub. The newest trust document says which
// list keys sign: put the private key that it names into keys/ before you
// publish it. Package datafolder knows where each of them lies.
//
// Package setup makes it, [New] opens it, [Root.Run] serves it, package examine
// looks at it. What was acknowledged survives the death of the process and the
// loss of power: a registration once 202 is sent, a decision once it is answered.
//
// # Where things are
//
// This package is the process: its listeners, their routes, and what answers them.
// All else lies in the packages below it, none of which knows it. Its files, by how
// their names begin:
//
//	root, parts, listen, routes       the process: its parts, listeners and routes
//	observe, metrics                  what it logs and counts
//	heart, health, still              what a supervisor sees, and a root that cannot write
//	certificates                      of the listeners
//	decode, problem, stream           JSON in; JSON, problems and long answers out
//	request                           what a request must be
//	register, mirror, reports         what the public asks for, and owners do
//	pages                             the same for people
//	actions, auth, denials, audit     the door of the admin listener, and the record of what happens there
//	admin, review, entries, blocks    what admins decide about servers
//	mirrors, lists, editions, trust   mirrors, and what is published
//	transfer, forget                  entries out and in, people's data removed
//	messages                          what waits in the outbox
//
// The packages below it:
//
//	api, openapi, web                 the JSON with a client for it, its description, the pages
//	config                            root.toml: what may stand in it, and what it means
//	datafolder                        what lies where, its lock, its keys, its trust documents
//	setup                             a new root, and who is an admin
//	store                             the state, in SQLite; its contract is in storetest
//	issue, push                       sign and publish, alone; bring documents to static hosts
//	documents                         serve what is published, from memory
//	watch, alive                      look at mirrors, and at listed servers
//	examine                           a root checked and described from its data folder
//	inspect, proof                    look at what requests name, and at proofs of control
//	limit                             where requests come from, and how many are borne
//	block, proofofwork                keep out what is not wanted
//	signedrequest                     what the key of an entry signs
//	audit                             the form of the audit log
//	tell                              what is told to whom: the messages, and the texts of the letters
//	mail                              sends what waits in the outbox
//	certificate                       TLS certificates from files or by ACME
//	rejoin                            what the mirrors of a root have that it has not
//	backup                            copies of a root, and a root from one
//	transfer                          the form of exported entries
package root

// Package issue is the only place of a root node that signs and publishes. It
// turns what the store says into editions of server.list and mirror.list,
// keeps them in the store and in a public folder, and hands them to whoever
// serves them.
//
// # From a decision to a served edition
//
//	Publish: snapshot of the store -> body -> head -> signature (once, by the
//	list key) -> verified as a client would -> compare-and-swap in the store ->
//	file in the public folder, durable -> served
//
// An edition is served only after it is on disk twice. A crash between two
// steps costs nothing: [Publisher.Restore] writes the file that is missing and
// [Publisher.Run] publishes what was decided and not yet published. Two
// publishers on one store never publish two editions of one number: whoever
// loses the compare-and-swap takes over the winner's edition.
//
// # A new trust document
//
//	PublishTrust: verified as the next of the chain -> a key for each list ->
//	the newest editions signed again by those -> all of it into the store at
//	once -> trust/N.trust, mirror.list, server.list in the public folder -> all
//	of it served at once
//
// The document and the lists are one transaction of the store, which is the
// moment from which the document is in force. Whatever happens after it, the
// next attempt, the next start or another process completes. No reader finds a
// document without lists that hold under it: what is served changes in one
// step, and the files in the order in which readers ask for them. The lists
// keep their entries, so that a stolen key is replaced at once whatever else
// waits for an admin.
//
// # Versions and time
//
// The version of an edition is the second in which it was issued, so there is
// at most one edition a second: a publisher waits for the next second rather
// than date an edition into the future. If the clock is far behind the newest
// edition, because one of them was dated by a wrong clock, versions go on from
// there in steps of one; if it is a day behind, nothing is issued until the
// clock is right or a trust document begins a new epoch, in which versions
// begin at the right time again.
//
// # What it refuses
//
// It does not sign what readers would refuse: a body above the cap, or a bad
// entry, which the error names. It does not publish an edition that loses more
// than 10 and more than 20 percent of the entries, against the newest one or
// against that of a day ago, until an admin confirms that ([RemovalError]), and
// signs the last one again meanwhile, so that it stays fresh. If the public
// folder is ahead of the store, as after a restored backup, a single lost entry
// waits, and nothing is signed meanwhile; from a store that is new or another
// root's it publishes nothing ([DatabaseError]). Whatever it refuses, and
// whatever fails, the last edition stays served.
//
// # The public folder
//
//	server.list, mirror.list, trust/1.trust, trust/2.trust, ...
//
// Plain files with mode 0644, each replaced atomically, in the order trust,
// mirror list, server list. Any web server can serve it and any program can
// copy it.
package issue

// Package serverlist reads, writes and fetches the signed lists of a game's
// servers.
//
// A [Client] takes one pinned trust document and the URLs of a root, and from
// then on always has a list to show: live from a mirror or the root, else from
// its cache, else from the copy the program shipped with. Every copy goes
// through the same verification, and nothing unverified reaches the caller.
//
// # Embedding it
//
// "metaserver bundle" fetches and verifies what a program ships with, once before
// each release: the lists and the trust documents, the newest of these as
// pinned.trust. That one is pinned: all trust begins with it. Embedded, the
// folder is all that a launcher needs:
//
//	//go:embed static
//	var embedded embed.FS // pinned.trust, trust/, mirror.list, server.list
//
//	static, err := fs.Sub(embedded, "static")
//	client, err := serverlist.New(serverlist.Config{
//		Static: static,
//		Root:   []string{"https://ms.example.org/"},
//		Cache:  serverlist.DirCache(filepath.Join(userCacheDir, "my-launcher")),
//	})
//	result, err := client.Cached()    // at once, without network
//	result, err = client.Refresh(ctx) // live, else cached, else static
//	for _, s := range result.List.Servers {
//		fmt.Println(s.Name, s.Addresses[0])
//	}
//
// # What to show
//
// Result.List, always: whatever else a [Result] says, it is verified. Beside it:
//
//   - Source is not [SourceLive]: nobody could be reached, or had it; it is the
//     list of last time ([SourceCached]) or came with the program ([SourceStatic]).
//   - Freshness is [Stale]: its Age; [Old]: that servers may have moved or gone.
//   - ClockSuspect: the question whether the clock of the computer is right.
//   - Attempts are for a window of details and for reports to the developer.
//
// What an entry says is plain text without control characters: show it as text,
// not as markup, and hand an address to the game as an argument, not by a shell.
// The Addresses of a server are in order of preference.
//
// A window calls Cached before it appears, which takes milliseconds and no
// network, and leaves the rest to [Client.Run] in a goroutine of its own. From
// there it is called back; what it does to widgets it hands to its own thread:
//
//	go client.Run(ctx, time.Hour, func(r serverlist.Result) { window.Post(func() { show(r) }) })
//
// A Refresh that the player asks for may come from any goroutine beside it: a
// Client and the Results it has returned are safe for concurrent use. Several
// programs may share the folder of a [DirCache].
//
// Several roots take a Client each, with a pinned document and a cache folder
// of its own; [Merge] puts their lists together. Package serverlisttest has a
// root, and mirrors that lie in every way, for the tests of the program.
//
// # Errors
//
// New refuses a configuration that cannot be meant. Of Cached and Refresh the
// only error is [*NoListError]: there is no list at all, not even one that the
// program came with. That a mirror lies, all are down or the disk is full
// is no error as long as there is a list; Attempts tell. Who calls [Open] or a
// [Fetcher] instead finds in a [*keys.Error] what is wrong with a document, and
// in a [*FetchError] why there is none.
//
// # Documents
//
// A list is one file: a signed head, a blank line, and a body of one JSON
// object per line. The head commits to the body by size and SHA-256, so a file
// cannot be half old and half new. [Open] verifies a document that is in
// memory, [Read] one that arrives; both verify signatures before they look at
// the body. [Draft] writes documents in their canonical form.
//
// # What a caller may rely on
//
//   - A [List] exists only if its head reached its role's threshold of distinct
//     keys under the chain of trust documents, and its body is the one the head
//     commits to.
//   - A client never shows a list below the highest (epoch, version) it holds.
//   - Time decides labels ([Freshness]), never whether a list is shown.
//   - One bad entry costs that entry ([List].Skipped tells which and why).
//   - Sizes are known and limited before anything is read ([Limits]).
//
// The trust that all this rests on is package keys. The format is specified in
// SPEC.md beside this file. The package imports the standard library only.
package serverlist

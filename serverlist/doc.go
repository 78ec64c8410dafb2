// Package serverlist reads, writes and fetches the signed lists of a game's
// servers.
//
// A [Client] takes one pinned trust document and the URLs of a root, and from
// then on always has a list to show: live from a mirror or the root, else from
// its cache, else from the copy the program shipped with. Every copy goes
// through the same verification, and nothing unverified reaches the caller.
//
// "metaserver bundle" fetches and verifies what a program ships with. Embedded,
// it is all that a launcher needs:
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
// Cached and Refresh return an error only if there is no list at all. Show
// result.Age when result.Freshness is not [Fresh]; [Client.Run] refreshes for as
// long as the program runs.
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

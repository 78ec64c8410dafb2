// Package serverlisttest is a fake root and its mirrors, for the tests of
// programs that embed package serverlist.
//
// A [Root] holds the keys of an origin and signs what a test needs: trust
// documents, server lists, mirror lists. A [Site] serves what the root has
// published, as the web server of the root or of a mirror does, or lies about
// it in the way of a [Fault]:
//
//	root := serverlisttest.NewRoot(serverlisttest.Options{})
//	root.Publish(serverlisttest.Servers("cat2", "metalforge"))
//	good, bad := root.Site(serverlisttest.Honest), root.Site(serverlisttest.BodyByte)
//	root.Publish(serverlisttest.Mirrors(good.Start(t).URL, bad.Start(t).URL))
//
//	client, err := serverlist.New(serverlist.Config{
//		Trust:  root.Pinned(),
//		Root:   []string{root.Site(serverlisttest.Honest).Start(t).URL},
//		Static: root.Folder(),
//		Now:    root.Clock.Now,
//	})
//
// A launcher that shows the right list beside a mirror with each fault of
// [Faults] has its error handling exercised.
//
// Sites are served over real sockets by [Site.Start], or without any by a
// [Net], which works in a bubble of testing/synctest.
//
// Signatures and checks are real; keys come from fixed seeds, so that the same
// calls give the same bytes. The keys protect nothing: never pin them in a
// program that players get. Like net/http/httptest, functions here panic where
// a test could not go on. All types are safe for concurrent use.
package serverlisttest

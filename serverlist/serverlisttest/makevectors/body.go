package main

import (
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// This file has lists whose body is not the one that the head commits to.

func bodyVectors() []vector {
	good := serverList(list1)
	list := func(name, section, about, document, reason string) vector {
		return onServers("body-"+name, section, about, document, refused("body", reason))
	}
	huge := func(size int) text {
		head := serverHead(servers)
		return head.set("body", strings.Replace(strings.TrimPrefix(bodyLine(servers), "body "), fmt.Sprint(len(servers)), fmt.Sprint(size), 1))
	}
	other := strings.Replace(servers, "Dogtown", "Catvill", 1)
	return []vector{
		list("too-large", "1.6", "The head commits to 64 MiB and one byte. A reader refuses before it reads them.",
			listDocument(huge(64<<20+1), servers, list1), "too-large"),
		onMirrors("body-mirrors-too-large", "1.6", "The head of a mirror list commits to 1 MiB and one byte.",
			listDocument(huge(1<<20+1).set("type", "mirror-list/1"), servers, list1), refused("body", "too-large")),
		list("above-limit", "1.6", "The body is one byte larger than the caller allows.", good, "too-large").limit(conformance.Limits{Body: int64(len(servers) - 1)}),
		onServers("body-at-limit", "1.6", "The body is as large as the caller allows.", good, holds(serverIDs...)).limit(conformance.Limits{Body: int64(len(servers))}),
		list("cut", "1.4", "The last byte is missing.", strings.TrimSuffix(good, "\n"), "truncated"),
		list("cut-after-head", "1.4", "Nothing follows the second blank line.", strings.TrimSuffix(good, servers), "truncated"),
		list("cut-before-blank-line", "1.4", "The second blank line is missing, and all after it.", strings.TrimSuffix(good, "\n"+servers), "truncated"),
		list("empty-no-blank-line", "1.4", "A body of no bytes: the second blank line must be there.",
			strings.TrimSuffix(listDocument(serverHead(""), "", list1), "\n"), "truncated"),
		list("script", "1.4", "A web host has appended a script.", good+"<script src=\"//ads.example/a.js\"></script>\n", "trailing-bytes"),
		list("line-feed", "1.4", "A line feed follows the body.", good+"\n", "trailing-bytes"),
		list("changed", "1.4", "One letter of the body was changed.", strings.Replace(good, "Cat 2", "Cat 3", 1), "wrong-hash"),
		list("torn", "1.4", "The head of one edition with the body of another of the same size.", strings.Replace(good, servers, other, 1), "wrong-hash"),
		list("too-many-lines", "1.7", "A body of 262,145 lines, all of them empty.",
			listDocument(serverHead(emptyLines), emptyLines, list1), "too-many-lines"),
		mostLines(),
		list("lines-above-limit", "1.7", "One line more than the caller allows: the last one, which has no line feed, is one.",
			listDocument(serverHead(servers+"{}"), servers+"{}", list1), "too-many-lines").limit(conformance.Limits{Lines: 2}),
		onServers("body-lines-at-limit", "1.7", "As many lines as the caller allows.", good, holds(serverIDs...)).limit(conformance.Limits{Lines: 2}),
		list("elements-above-limit", "1.7", "One element more than the caller allows.",
			listDocument(serverHead(elements), elements, list1), "too-many-elements").limit(conformance.Limits{Elements: 11}),
		onServers("body-elements-at-limit", "1.7", "As many elements as the caller allows: 6 addresses, 1 language, 2 tags, 1 endpoint and 2 unknown members. "+
			"Lines that are skipped have none, nor do members that are dropped, nor arrays in unknown members.",
			listDocument(serverHead(elements), elements, list1), elementsVerdict).limit(conformance.Limits{Elements: 12}),
		onMirrors("body-mirrors-elements", "1.7", "One element more than the caller allows, in a mirror list: a URL and two unknown members.",
			listDocument(mirrorHead(mirrorElements), mirrorElements, list1), refused("body", "too-many-elements")).limit(conformance.Limits{Elements: 2}),
	}
}

// mostLines has as many lines as a body may have: an entry and empty lines.
func mostLines() vector {
	body := entry("a", "") + "\n" + emptyLines[2:]
	verdict := holds("a")
	for i := range 1000 {
		verdict.Reports = append(verdict.Reports, conformance.Report{Line: i + 2, Reason: "entry-malformed"})
	}
	verdict.Reports = append(verdict.Reports, conformance.Report{Reason: "reports-cut"})
	return onServers("body-most-lines", "1.7", "A body of 262,144 lines.", listDocument(serverHead(body), body, list1), verdict)
}

var emptyLines = strings.Repeat("\n", 1<<18+1)

// A body of twelve elements.
var elements, elementsVerdict = body([]line{
	kept("a", `{"id":"a","name":"N","addresses":["a.example:1","b.example:1","c.example:1"],"languages":["en"],"tags":["x","y"]}`),
	kept("b", entry("b", `,"endpoints":[{"role":"chat","protocol":"irc","address":"a.example:2","more":[1,2,3]}],"tags":[]`)),
	wrong(`{"id":"c","name":"","addresses":["a.example:1","b.example:1"],"x":1}`),
	skipped("entry-repeated", entry("a", `,"x":1`)),
	dropped("d", 1, entry("d", `,"tags":["a","b",""]`)),
	kept("e", entry("e", `,"x":[1,2,3],"y":{"z":[4,5]}`)),
})

const mirrorElements = `{"id":"a","urls":["http://a.example/"],"x":[1,2],"y":null}` + "\n"

package main

import (
	"fmt"
	"strings"
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
		list("above-limit", "1.6", "The body is one byte larger than the caller allows.", good, "too-large").limit(int64(len(servers)-1), 0),
		onServers("body-at-limit", "1.6", "The body is as large as the caller allows.", good, holds(serverIDs...)).limit(int64(len(servers)), 0),
		list("cut", "1.4", "The last byte is missing.", strings.TrimSuffix(good, "\n"), "truncated"),
		list("cut-after-head", "1.4", "Nothing follows the second blank line.", strings.TrimSuffix(good, servers), "truncated"),
		list("cut-before-blank-line", "1.4", "The second blank line is missing, and all after it.", strings.TrimSuffix(good, "\n"+servers), "truncated"),
		list("empty-no-blank-line", "1.4", "A body of no bytes: the second blank line must be there.",
			strings.TrimSuffix(listDocument(serverHead(""), "", list1), "\n"), "truncated"),
		list("script", "1.4", "A web host has appended a script.", good+"<script src=\"//ads.example/a.js\"></script>\n", "trailing-bytes"),
		list("line-feed", "1.4", "A line feed follows the body.", good+"\n", "trailing-bytes"),
		list("changed", "1.4", "One letter of the body was changed.", strings.Replace(good, "Cat 2", "Cat 3", 1), "wrong-hash"),
		list("torn", "1.4", "The head of one edition with the body of another of the same size.", strings.Replace(good, servers, other, 1), "wrong-hash"),
	}
}

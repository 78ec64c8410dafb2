package main

import (
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// This file has lists that hold, with lines that are skipped: lines that are
// no entry at all.

// A line is one line of a body and what becomes of it.
type line struct {
	json    string
	id      string // of an entry that is kept; "" if the line is skipped
	reason  string // of every report on the line
	reports int    // how many there are
}

// kept is a line that becomes an entry with nothing to report.
func kept(id, json string) line { return line{json: json, id: id} }

// skipped is a line that becomes nothing.
func skipped(reason, json string) line { return line{json: json, reason: reason, reports: 1} }

func malformed(json string) line { return skipped("entry-malformed", json) }

// wrong is a line in which a required member is absent or wrong.
func wrong(json string) line { return skipped("entry-member", json) }

// dropped is an entry that loses so many optional members.
func dropped(id string, members int, json string) line {
	return line{json: json, id: id, reason: "member-dropped", reports: members}
}

// entry is a line with the required members and more.
func entry(id, more string) string {
	return `{"id":"` + id + `","name":"N","addresses":["a.example:1"]` + more + `}`
}

// body joins the lines and tells what a reader makes of them.
func body(lines []line) (string, conformance.Verdict) {
	var b strings.Builder
	verdict := holds()
	for i, l := range lines {
		b.WriteString(l.json + "\n")
		if l.id != "" {
			verdict.Entries = append(verdict.Entries, l.id)
		}
		for range l.reports {
			verdict.Reports = append(verdict.Reports, conformance.Report{Line: i + 1, Reason: l.reason})
		}
	}
	return b.String(), verdict
}

// serverLines is a server list of these lines. The last one is always a good
// one: what stands before it must not cost it.
func serverLines(name, about string, lines ...line) vector {
	text, verdict := body(append(lines, kept("zz-last", entry("zz-last", ""))))
	return onServers("entry-"+name, "7", about, listDocument(serverHead(text), text, list1), verdict)
}

func mirrorLines(name, about string, lines ...line) vector {
	text, verdict := body(append(lines, kept("zz-last", `{"id":"zz-last","urls":["http://m.example/"]}`)))
	return onMirrors("entry-"+name, "7", about, listDocument(mirrorHead(text), text, list1), verdict)
}

func entryVectors() []vector {
	return []vector{
		serverLines("not-an-object", "Lines that are not exactly one object.",
			malformed(``), malformed(`[]`), malformed(`null`), malformed(`"text"`), malformed(`7`), malformed(`{`),
			malformed(entry("a", "")+"{}"), malformed(entry("a", "")+","), malformed(strings.TrimSuffix(entry("a", ""), "}")),
			malformed(strings.TrimPrefix(entry("a", ""), "{")), malformed("\ufeff"+entry("a", "")), malformed("<script></script>")),
		serverLines("syntax", "Objects that are not JSON.",
			malformed(`{"id":"\`), malformed(`{"id":"\u00`), malformed(`{"id":"\ud800\`), malformed(`{"id"`), malformed(entry("a", `,"x"1`)),
			malformed(entry("a", ",\"x\":\"\\n\x01\"")), malformed(entry("a", `,"x":1e+-5`)),
			malformed(`{id:"a"}`), malformed(`{'id':'a'}`), malformed(entry("a", `,`)), malformed(entry("a", `,"x"`)),
			malformed(entry("a", `,"x":`)), malformed(entry("a", `,"x":[1,]`)), malformed(entry("a", `,"x":{"y":1,}`)),
			malformed(entry("a", `,"x":True`)), malformed(entry("a", `,"x":NaN`)), malformed(entry("a", `,"x":Infinity`)),
			malformed(entry("a", `,"x":"\x41"`)), malformed(entry("a", `,"x":"\u12g4"`)), malformed(entry("a", `,"x":"\u123"`)),
			malformed(entry("a", ",\"x\":\"tab\there\"")), malformed(entry("a", ",\"x\":\"nul\x00here\"")), malformed(entry("a", `,"x":"open}`)), malformed(entry("a", `/**/`))),
		serverLines("number-syntax", "Numbers that are not JSON, in members that are not known.",
			malformed(entry("a", `,"x":01`)), malformed(entry("a", `,"x":+1`)), malformed(entry("a", `,"x":.5`)), malformed(entry("a", `,"x":1.`)),
			malformed(entry("a", `,"x":1e`)), malformed(entry("a", `,"x":0x1`)), malformed(entry("a", `,"x":-`)), malformed(entry("a", `,"x":1_0`)),
			kept("b", entry("b", `,"x":[-0,1.50,1e400,1E+2,-1e-9,123456789012345678901234567890]`))),
		serverLines("spaces", "Spaces outside strings.",
			malformed(`{ `+entry("a", "")[1:]), malformed(entry("a", "")+" "), malformed(" "+entry("a", "")), malformed(entry("a", `,"x": 1`)),
			malformed(entry("a", `,"x":[1, 2]`)), malformed(entry("a", "\t")), malformed(entry("a", `,"x":{}`+"\u00a0")),
			kept("b", entry("b", `,"x y":" in strings "`))),
		serverLines("names-twice", "A member name twice in one object.",
			malformed(entry("a", `,"id":"a"`)), malformed(entry("a", `,"x":1,"x":1`)), malformed(entry("a", `,"\u0069d":"a"`)),
			malformed(entry("a", `,"x":{"y":1,"\u0079":1}`)), malformed(entry("a", `,"x":[{"y":[{"z":1,"z":2}]}]`)),
			malformed(entry("a", `,"":1,"":1`)),
			malformed(entry("a", ","+manyNames(40, 35))), malformed(entry("a", ","+manyNames(40, 0))), kept("c", entry("c", ","+manyNames(40, 40))),
			kept("b", entry("b", `,"x":{"id":1},"y":[{"id":1},{"id":1}]`))),
		serverLines("names-case", "Names are compared byte by byte.",
			kept("a", entry("a", `,"ID":"b","Name":7,"Tags":null`)),
			wrong(`{"ID":"b","name":"N","addresses":["a.example:1"]}`), wrong(`{"id":"c","name":"N","Addresses":["a.example:1"]}`)),
		serverLines("names-escaped", "Names and values with escapes are those that the escapes spell.",
			kept("a", `{"\u0069d":"\u0061","na\u006De":"\"\\\/","addresses":["a.example\u003A1"]}`),
			kept("b", entry("b", `,"description":"\ud83d\udc08","t\u0061gs":["\u00e4"]`)),
			kept("d", entry("d", `,"x":"\b\f\n\r\t\"\\\/\u00E4"`)),
			dropped("c", 1, entry("c", `,"t\u0061gs":null`))),
		serverLines("utf-8", "Bytes that are not UTF-8.",
			malformed(entry("a", ",\"x\":\"\xff\"")), malformed(entry("a", ",\"x\":\"\xc0\xaf\"")), malformed(entry("a", ",\"x\":\"\xed\xa0\x80\"")),
			malformed(entry("a", ",\"x\":\"\xf4\x90\x80\x80\"")), malformed(entry("a", ",\"x\xe4\":1")), malformed(entry("a", ",\"x\":\"\xe2\x82\"")),
			malformed(entry("a", ",\"x\":\"\\n\xff\"")), malformed(entry("a", ",\"description\":\"\xff\"")), malformed(entry("a", ",\"game\":\"\xff\"")), malformed(entry("a", ",\"tags\":[\"\xff\"]")),
			kept("b", entry("b", `,"x":"ä€𝄞"`))),
		serverLines("surrogates", "Lone surrogates.",
			malformed(entry("a", `,"x":"\ud800"`)), malformed(entry("a", `,"x":"\udc00"`)), malformed(entry("a", `,"x":"\ud800\ud800"`)),
			malformed(entry("a", `,"x":"\udc00\ud800"`)), malformed(entry("a", `,"x":"\ud800x"`)), malformed(entry("a", `,"\ud800":1`)),
			malformed(entry("a", `,"description":"\ud800"`)), malformed(entry("a", `,"game":"\ud800"`)),
			kept("b", entry("b", `,"x":"\uD834\uDD1E\uFFFD"`))),
		serverLines("depth", "Nesting: eight deep is allowed, nine is not.",
			kept("a", entry("a", `,"x":`+strings.Repeat("[", 7)+strings.Repeat("]", 7))),
			malformed(entry("b", `,"x":`+strings.Repeat("[", 8)+strings.Repeat("]", 8))),
			kept("i", entry("i", `,"x":[`+strings.Repeat("[],{},", 8)+`[]]`)),
			kept("c", entry("c", `,"x":`+strings.Repeat(`{"y":`, 7)+"1"+strings.Repeat("}", 7))),
			malformed(entry("d", `,"x":`+strings.Repeat(`{"y":`, 8)+"1"+strings.Repeat("}", 8))),
			malformed(entry("e", `,"x":`+strings.Repeat("[", 3900)+strings.Repeat("]", 3900))),
			kept("f", entry("f", `,"x":"`+strings.Repeat("[{", 20)+`"`)),
			dropped("g", 1, entry("g", `,"game":`+strings.Repeat("[", 7)+strings.Repeat("]", 7))),
			malformed(entry("h", `,"game":`+strings.Repeat("[", 8)+strings.Repeat("]", 8)))),
		serverLines("too-large", "A line of 8 KiB is kept; one byte more is too many.",
			kept("a", largest("a", 8<<10)), skipped("entry-too-large", largest("b", 8<<10+1))),
		serverLines("unknown", "Sixteen unknown members of 4096 bytes are kept; one member or one byte more is too much.",
			kept("a", entry("a", unknown(16, 4096))), skipped("entry-unknown", entry("b", unknown(17, 200))),
			skipped("entry-unknown", entry("c", unknown(16, 4097))), kept("d", entry("d", unknown(1, 4096))),
			skipped("entry-unknown", entry("e", unknown(1, 4097))), kept("f", entry("f", `,"x":{`+unknown(20, 400)[1:]+`}`)),
			skipped("entry-unknown", `{`+unknown(17, 200)[1:]+`,`+entry("g", "")[1:]), kept("g", entry("g", "")),
			kept("h", entry("h", `,"probe":{"protocol":"p"`+unknown(17, 5000)+`}`)),
			kept("i", entry("i", `,"endpoints":[{"role":"chat","protocol":"irc","address":"a.example:1"`+unknown(17, 200)+`}]`))),
		mirrorLines("mirror-unknown", "Unknown members of a mirror.",
			kept("a", mirrorEntry("a", unknown(16, 4096))), skipped("entry-unknown", mirrorEntry("b", unknown(17, 200)))),
		serverLines("above-limit", "The caller's own limit, of 60 bytes.",
			kept("a", padded("a", 60)), skipped("entry-too-large", padded("b", 61))).limit(conformance.Limits{Entry: 60}),
		serverLines("repeated", "An id that stands on an earlier line that was kept. The first one counts.",
			kept("b", entry("b", "")), skipped("entry-repeated", entry("b", `,"x":1`)), kept("a", entry("a", "")),
			skipped("entry-repeated", entry("b", "")), wrong(`{"id":"c","name":"","addresses":["a.example:1"]}`), kept("c", entry("c", "")),
			skipped("entry-repeated", entry("a", "")), skipped("entry-repeated", entry("\\u0061", "")),
			skipped("entry-repeated", entry("c", ""))),
		mirrorLines("mirror-repeated", "An id that stands on an earlier line of a mirror list that was kept, in whatever order.",
			kept("b", mirrorEntry("b", "")), skipped("entry-repeated", mirrorEntry("b", `,"x":1`)), kept("a", mirrorEntry("a", "")),
			skipped("entry-repeated", mirrorEntry("b", "")), kept("c", mirrorEntry("c", "")), skipped("entry-repeated", mirrorEntry("c", ""))),
		lastLine(),
		reportsCut(),
		reportsNotCut(),
	}
}

// manyNames is an unknown member with an object of so many names, and then that
// with the given number once more, if there is one.
func manyNames(n, again int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"n%d":0,`, i)
	}
	return fmt.Sprintf(`"x":{%s"n%d":0}`, &b, again)
}

func mirrorEntry(id, more string) string {
	return `{"id":"` + id + `","urls":["http://m.example/"]` + more + `}`
}

// largest is an entry of a size near the limit, which takes known members.
func largest(id string, size int) string {
	known := `,"description":"` + strings.Repeat("𝄞", 500) + `","website":"http://a.example/` + strings.Repeat("w", 2000) + `"`
	return entry(id, known+`,"x":"`+strings.Repeat("x", size-len(entry(id, known+`,"x":""`)))+`"`)
}

// unknown is so many members that are not known, all together of a size.
func unknown(members, size int) string {
	var b strings.Builder
	for i := range members {
		value := 0
		if i == members-1 {
			value = size - (b.Len() - i) - len(`"x00":""`)
		}
		fmt.Fprintf(&b, `,"x%02d":"%s"`, i, strings.Repeat("x", value))
	}
	return b.String()
}

// padded is an entry of a size.
func padded(id string, size int) string {
	return entry(id, `,"x":"`+strings.Repeat("x", size-len(entry(id, `,"x":""`)))+`"`)
}

func lastLine() vector {
	text, verdict := body([]line{kept("a", entry("a", "")), malformed(entry("b", ""))})
	text = strings.TrimSuffix(text, "\n")
	return onServers("entry-last-line", "7", "The last line does not end with a line feed.",
		listDocument(serverHead(text), text, list1), verdict)
}

// reportsCut has 1002 lines to report.
func reportsCut() vector {
	var lines []line
	for range 1002 {
		lines = append(lines, malformed("{}x"))
	}
	v := serverLines("reports-cut", "Reports after the 1000th are one report, without a line.", lines...)
	v.expected.Reports = append(v.expected.Reports[:1000:1000], conformance.Report{Reason: "reports-cut"})
	return v
}

// reportsNotCut has 1000 lines to report.
func reportsNotCut() vector {
	var lines []line
	for i := range 500 {
		id := fmt.Sprintf("a%03d", i)
		lines = append(lines, dropped(id, 1, entry(id, `,"tags":null`)), malformed("{}x"))
	}
	return serverLines("reports-1000", "A thousand reports are all given.", lines...)
}

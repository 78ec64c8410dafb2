package main

import (
	"fmt"
	"strings"
)

// This file has lists that hold, with entries whose members are wrong.

func memberVectors() []vector {
	return []vector{
		serverLines("required", "Required members that are absent or of another kind.",
			wrong(`{}`), wrong(`{"name":"N","addresses":["a.example:1"]}`), wrong(`{"id":"a","addresses":["a.example:1"]}`),
			wrong(`{"id":"a","name":"N"}`), wrong(`{"id":null,"name":"N","addresses":["a.example:1"]}`),
			wrong(`{"id":7,"name":"N","addresses":["a.example:1"]}`), wrong(`{"id":"a","name":null,"addresses":["a.example:1"]}`),
			wrong(`{"id":"a","name":["N"],"addresses":["a.example:1"]}`), wrong(`{"id":"a","name":"N","addresses":"a.example:1"}`),
			wrong(`{"id":"a","name":"N","addresses":[]}`), wrong(`{"id":"a","name":"N","addresses":[null]}`),
			wrong(`{"id":"a","name":"N","addresses":{"0":"a.example:1"}}`), wrong(`{"id":"a","name":"","addresses":["a.example:1"]}`)),
		serverLines("required-and-dropped", "An entry that is skipped has one report, whatever else is wrong with it.",
			wrong(`{"id":"a","name":"N","tags":null,"addresses":[]}`), malformed(`{"id":"a","name":"N","tags":null,"addresses":["a.example:1"]`),
			kept("b", entry("b", "")), skipped("entry-repeated", entry("b", `,"tags":null`))),
		serverLines("ids", "Ids: 1 to 64 of a-z, 0-9 and the hyphen.",
			wrong(entry("", "")), wrong(entry("A", "")), wrong(entry("a_b", "")), wrong(entry("a.b", "")), wrong(entry("ä", "")), wrong(entry("a b", "")),
			wrong(entry(strings.Repeat("a", 65), "")), kept("-", entry("-", "")), kept("0-9", entry("0-9", "")),
			kept(strings.Repeat("a", 64), entry(strings.Repeat("a", 64), ""))),
		texts(),
		addresses(),
		serverLines("optional", "Optional members that are wrong are dropped, and the entry is kept.",
			dropped("a", 1, entry("a", `,"description":null`)), dropped("b", 1, entry("b", `,"description":"`+strings.Repeat("d", 501)+`"`)),
			kept("c", entry("c", `,"description":"`+strings.Repeat("ä", 500)+`"`)), dropped("d", 1, entry("d", `,"game":""`)),
			dropped("e", 1, entry("e", `,"game":"Crossfire"`)), dropped("f", 1, entry("f", `,"version":1`)),
			dropped("g", 1, entry("g", `,"region":true`)), kept("h", entry("h", `,"description":"","version":"","region":""`)),
			dropped("i", 2, entry("i", `,"region":[],"version":{}`)), kept("j", entry("j", `,"urls":7,"operator":null,"root":1`))),
		serverLines("lists", "Languages and tags.",
			dropped("a", 1, entry("a", `,"tags":"pvp"`)), dropped("b", 1, entry("b", `,"tags":[""]`)), dropped("c", 1, entry("c", `,"tags":["ok",7]`)),
			kept("d", entry("d", `,"tags":[],"languages":[],"endpoints":[]`)), kept("e", entry("e", `,"tags":[`+list(32, `"t"`)+`]`)),
			dropped("f", 1, entry("f", `,"tags":[`+list(33, `"t"`)+`]`)), kept("g", entry("g", `,"languages":["de","pt-BR","x-1","`+strings.Repeat("a", 35)+`"]`)),
			dropped("h", 1, entry("h", `,"languages":["pt_BR"]`)), dropped("i", 1, entry("i", `,"languages":[""]`)),
			dropped("j", 1, entry("j", `,"languages":["`+strings.Repeat("a", 36)+`"]`)), dropped("k", 1, entry("k", `,"tags":["`+strings.Repeat("t", 81)+`"]`)),
			kept("l", entry("l", `,"languages":[`+list(32, `"de"`)+`]`)), dropped("m", 1, entry("m", `,"languages":[`+list(33, `"de"`)+`]`)),
			dropped("n", 1, entry("n", `,"languages":"de"`)), kept("o", entry("o", `,"languages":["de","de"],"tags":["t","t"]`))),
		serverLines("key", "The server's own key: padded base64 of 32 bytes.",
			kept("a", entry("a", key64("MVo="))), dropped("b", 1, entry("b", key64("MVp="))), dropped("c", 1, entry("c", key64("MVo"))),
			dropped("d", 1, entry("d", key64("MVoA"))), dropped("e", 1, entry("e", key64("MV=="))), dropped("f", 1, entry("f", `,"key":""`)),
			dropped("g", 1, entry("g", strings.Replace(key64("MVo="), "A", `\n`, 1)))),
		serverLines("endpoints", "Endpoints. One that is wrong costs them all.",
			kept("a", entry("a", `,"endpoints":[{"role":"chat","protocol":"irc","address":"a.example:1","x":null}]`)),
			dropped("b", 1, entry("b", `,"endpoints":[{"role":"chat","protocol":"irc"}]`)), dropped("c", 1, entry("c", `,"endpoints":[{"role":"chat","protocol":"irc","address":"a.example"}]`)),
			dropped("d", 1, entry("d", `,"endpoints":[{"role":"Chat","protocol":"irc","address":"a.example:1"}]`)), dropped("e", 1, entry("e", `,"endpoints":{}`)),
			dropped("i", 1, entry("i", `,"endpoints":[{"protocol":"irc","address":"a.example:1"}]`)), dropped("j", 1, entry("j", `,"endpoints":[{"role":"chat","address":"a.example:1"}]`)),
			dropped("k", 1, entry("k", `,"endpoints":[{"role":"chat","protocol":"IRC","address":"a.example:1"}]`)),
			dropped("l", 1, entry("l", `,"endpoints":[`+endpoint+`,{"role":"","protocol":"irc","address":"a.example:1"}]`)),
			dropped("f", 1, entry("f", `,"endpoints":[null]`)), kept("g", entry("g", `,"endpoints":[`+list(16, endpoint)+`]`)),
			dropped("h", 1, entry("h", `,"endpoints":[`+list(17, endpoint)+`]`))),
		serverLines("probe", "Probe: a protocol, and a port that is an integer from 1 to 65535.",
			kept("a", entry("a", `,"probe":{"protocol":"crossfire"}`)), kept("b", entry("b", `,"probe":{"protocol":"crossfire","port":65535,"Port":0}`)),
			dropped("c", 1, entry("c", `,"probe":{}`)), dropped("d", 1, entry("d", `,"probe":{"port":1}`)), dropped("e", 1, entry("e", probe("0"))),
			dropped("f", 1, entry("f", probe("65536"))), dropped("g", 1, entry("g", probe("-1"))), dropped("h", 1, entry("h", probe("1.0"))),
			dropped("i", 1, entry("i", probe("1e3"))), dropped("j", 1, entry("j", probe(`"1"`))), dropped("k", 1, entry("k", probe("null"))),
			dropped("l", 1, entry("l", probe("123456789012345678901234567890"))), dropped("m", 1, entry("m", `,"probe":"crossfire"`)),
			dropped("n", 1, entry("n", probe("[]")))),
		serverLines("checks", "Checks: all three members are needed.",
			kept("a", entry("a", checks("n", hash, "0"))), kept("b", entry("b", checks("n", hash, "9007199254740991"))),
			dropped("c", 1, entry("c", checks("n", hash, "9007199254740992"))), dropped("d", 1, entry("d", checks("n", hash, "-1"))),
			dropped("e", 1, entry("e", checks("n", hash, "-0"))), dropped("f", 1, entry("f", checks("", hash, "1"))),
			dropped("g", 1, entry("g", checks("n", strings.ToUpper(hash), "1"))), dropped("h", 1, entry("h", checks("n", hash[1:], "1"))),
			dropped("i", 1, entry("i", `,"checks":{"name":"n","sha256":"`+hash+`"}`)), dropped("j", 1, entry("j", `,"checks":{"name":"n","size":1}`)),
			dropped("k", 1, entry("k", `,"checks":{"sha256":"`+hash+`","size":1}`)), dropped("l", 1, entry("l", `,"checks":[]`))),
		websites(),
		mirrorLines("mirror-required", "Required members of mirrors.",
			wrong(`{"id":"a"}`), wrong(`{"urls":["http://m.example/"]}`), wrong(`{"id":"a","urls":[]}`), wrong(`{"id":"a","urls":"http://m.example/"}`),
			wrong(`{"id":"A","urls":["http://m.example/"]}`), kept("b", mirror("b", list(8, `"http://m.example/"`), "")),
			wrong(mirror("c", list(9, `"http://m.example/"`), "")), wrong(mirror("d", `"http://m.example/",null`, "")),
			wrong(mirror("e", `"http://m.example/#x"`, "")), wrong(mirror("f", `"ftp://m.example/"`, "")), wrong(mirror("g", `"http://u@m.example/"`, ""))),
		mirrorLines("mirror-optional", "Optional members of mirrors.",
			kept("a", mirror("a", `"http://m.example/"`, `,"root":false,"operator":"","x":1`)), dropped("b", 1, mirror("b", `"http://m.example/"`, `,"root":1`)),
			dropped("c", 1, mirror("c", `"http://m.example/"`, `,"root":null`)), dropped("d", 1, mirror("d", `"http://m.example/"`, `,"operator":7`)),
			dropped("e", 1, mirror("e", `"http://m.example/"`, `,"region":"`+strings.Repeat("r", 81)+`"`)), dropped("f", 1, mirror("f", `"http://m.example/"`, `,"root":"true"`)),
			dropped("g", 1, mirror("g", `"http://m.example/"`, `,"contact":"`+strings.Repeat("c", 501)+`"`)), kept("h", mirror("h", `"http://m.example/"`, `,"contact":"`+strings.Repeat("c", 500)+`"`)),
			kept("j", mirror("j", `"http://m.example/"`, `,"region":"","contact":""`)),
			kept("i", mirror("i", `"http://m.example/"`, `,"name":7,"addresses":null`))),
	}
}

const (
	endpoint = `{"role":"chat","protocol":"irc","address":"a.example:1"}`
	hash     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// list repeats a JSON value.
func list(n int, value string) string { return strings.TrimSuffix(strings.Repeat(value+",", n), ",") }

// key64 is the member key with an end of the base64.
func key64(end string) string { return `,"key":"` + strings.Repeat("A", 40) + end + `"` }

func probe(port string) string { return `,"probe":{"protocol":"crossfire","port":` + port + `}` }

func checks(name, sum, size string) string {
	return `,"checks":{"name":"` + name + `","sha256":"` + sum + `","size":` + size + `}`
}

func mirror(id, urls, more string) string {
	return `{"id":"` + id + `","urls":[` + urls + `]` + more + `}`
}

// texts have characters that are refused, and their neighbours that are not.
func texts() vector {
	named := func(name string) string {
		return `{"id":"a","name":"` + name + `","addresses":["a.example:1"]}`
	}
	lines := []line{wrong(named(strings.Repeat("ä", 81)))}
	for _, c := range []string{
		`\u0000`, `\n`, `\u001f`, "\u007f", "\u0080", "\u009f", "\u061c", "\u200e", "\u200f", "\u2028", "\u202e", "\u2066", "\u2069", "\ufeff",
	} {
		lines = append(lines, wrong(named("N"+c)))
	}
	for i, c := range []string{"\u00a0", "\u061b", "\u2010", "\u2027", "\u202f", "\ufefe", "\U0001f408", "e\u0301", " "} {
		id := fmt.Sprintf("b%d", i)
		lines = append(lines, kept(id, strings.Replace(named("N"+c), `"a"`, `"`+id+`"`, 1)))
	}
	lines = append(lines, kept("c", strings.Replace(named(strings.Repeat("𝄞", 80)), `"a"`, `"c"`, 1)))
	return serverLines("texts", "Names with characters that are refused, and with others near them. Lengths count code points.", lines...)
}

func addresses() vector {
	lines := []line{}
	with := func(address string) string {
		return `{"id":"a","name":"N","addresses":["` + address + `"]}`
	}
	for _, bad := range []string{
		"", ":1", "a.example", "a.example:", "a.example:0", "a.example:65536", "a.example:01", "a.example:+1", "a.example:1 ", "a.example:http",
		"a..example:1", ".example:1", "a.example.:1", "-a.example:1", "a-.example:1", "ä.example:1", "a b:1", "a/b:1", "a.example:1:1",
		strings.Repeat("a", 64) + ".example:1", strings.Repeat("a.", 127) + ":1", strings.Repeat("a.", 126) + "ab:1",
		"1.2.3:1", "256.1.1.1:1", "1.2.3.04:1", "1.2.3.4.5:1", "a.1:1", "2130706433:1", "1.2.3.0x7f:1", "0X7F:1", "a.0x:1",
		"2001:db8::1:1", "[2001:db8::1]", "[2001:db8::1]1", "[::1%eth0]:1", "[1.2.3.4]:1", "[a.example]:1", "[[::1]]:1", "[::1:1", "[:::1]:1", "[12345::1]:1",
		"[1::2::3]:1", "[1:2:3::4:5:6::7:8]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1", "[1:2:3:4:5:6:7:8::]:1", "[::1:2:3:4:5:6:7:8]:1", "[]:1", "[:]:1", "[1:2:3:4:5:6:7:]:1",
		"[::ffff:192.0.2.01]:1", "[::ffff:192.0.2.256]:1", "[::ffff:192.0.2]:1", "[192.0.2.1::]:1", "[1:2:3:4:5:6:7:192.0.2.1]:1",
		"crossfire://a.example:1", "user@a.example:1",
	} {
		lines = append(lines, wrong(with(bad)))
	}
	for i, good := range []string{
		"a:1", "A.Example:65535", "_a._b.example:1", "a--b.example:1", "1a.example:1", "0x7f.example:1", "xn--bcher-kva.example:1", "192.0.2.255:1",
		"[::]:1", "[2001:DB8:0:0::1]:1", "[::ffff:192.0.2.1]:1",
		"[1:2:3:4:5:6:7::]:1", "[::2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:192.0.2.1]:1", "[0001::]:1", "a.0xg:1", "a.1a:1", "a.x0:1", strings.Repeat("a", 63) + ".example:1", strings.Repeat("a.", 126) + "a:1",
	} {
		id := fmt.Sprintf("b%02d", i)
		lines = append(lines, kept(id, strings.Replace(with(good), `"a"`, `"`+id+`"`, 1)))
	}
	lines = append(lines,
		wrong(`{"id":"a","name":"N","addresses":["a.example:1","a.example"]}`),
		wrong(`{"id":"a","name":"N","addresses":[`+list(17, `"a.example:1"`)+`]}`),
		kept("c", `{"id":"c","name":"N","addresses":[`+list(16, `"a.example:1"`)+`]}`))
	return serverLines("addresses", "Addresses.", lines...)
}

func websites() vector {
	lines := []line{}
	for i, bad := range []string{
		"", "a.example", "//a.example/", "ftp://a.example/", "HTTP://a.example/", "http:a.example", "http:/a.example", "http://", "http:///x", "http://:80/",
		"http://user@a.example/", "http://user:pw@a.example/", "http://@a.example/", "http://a.example/ x", "http://a.example/ä", "http://ä.example/",
		"http://a.example/\u007f", `http://a.example/\\x`, "http://a.example:0/", "http://a.example:65536/", "http://a.example:/", "http://a.example:x/",
		"http://a..example/", "http://1.2.3/", "http://a%41.example/", "http://a.example/%4", "http://a.example/%zz", "http://a.example/?%zz", "http://a.example/#%",
		"http://[::1/", "http://::1/", "http://[::1%25eth0]/", "javascript:alert(1)", "http://a.example/" + strings.Repeat("x", 2048-16),
	} {
		id := fmt.Sprintf("a%02d", i)
		lines = append(lines, dropped(id, 1, entry(id, `,"website":"`+bad+`"`)))
	}
	for i, good := range []string{
		"http://a.example", "https://a.example/", "http://a.example?x", "http://a.example#x", "http://a.example:8080/a/../b//c", "https://[2001:db8::1]:443/",
		"http://192.0.2.1/~user/", "http://A.example/%C3%A4?q=%20#f%20", "http://a.example/!$&'()*+,;=:@[]{}|^`<>", "http://a.example/a@b:c",
		"http://a.example/" + strings.Repeat("x", 2048-17),
	} {
		id := fmt.Sprintf("b%02d", i)
		lines = append(lines, kept(id, entry(id, `,"website":"`+good+`"`)))
	}
	return serverLines("websites", "URLs.", lines...)
}

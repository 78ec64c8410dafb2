package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// naming returns the numbers of the rows whose text names somebody. The query
// selects number and text of those that may.
func (f *forgetter) naming(query, who string) (numbers []int64, err error) {
	type row struct {
		number int64
		text   string
	}
	rows, err := f.rows(query, who)
	all, err := readRows(rows, err, func(s scanner) (r row, err error) { return r, s.Scan(&r.number, &r.text) })
	for _, r := range all {
		if names(unescape.Replace(r.text), who) {
			numbers = append(numbers, r.number)
		}
	}
	return numbers, err
}

// unescape undoes what JSON, in which details of messages are kept, puts before
// an address.
var unescape = strings.NewReplacer(`\u003c`, "<", `\u0026`, "&", `\n`, " ", `\r`, " ", `\t`, " ")

// names tells whether an e-mail address or an IP address stands in a text, in any
// case, and not only as a part of another one: what is about jan@example.org does
// not name an@example.org.
func names(text, who string) bool {
	text, who = strings.ToLower(text), strings.ToLower(who)
	for from := 0; who != ""; {
		i := strings.Index(text[from:], who)
		if i < 0 {
			return false
		}
		begin, end := from+i, from+i+len(who)
		if !isWithin(text[:begin]) && !goesOn(text[end:]) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[begin:])
		from = begin + size
	}
	return false
}

// isWithin tells whether an address that begins after a text goes back into it.
func isWithin(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return isLetter(r) || strings.ContainsRune("._%+-", r)
}

// goesOn tells whether an address that ends before a text goes on in it. A full
// stop may be the end of a sentence.
func goesOn(after string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimPrefix(after, "."))
	return isLetter(r) || r == '-'
}

func isLetter(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

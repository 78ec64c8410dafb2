// Package legacy reads and writes what programs before this one keep and
// expect.
//
// # Two-line entries
//
// The earlier active and passive metaserver kept an entry as two lines:
//
//	cat2.dynu.ca 13327 1117165607 version 1023 1027 Crossfire Server
//	cat2 1.7.0CVS no description
//
// The first is host, port, the time of its last sign of life in seconds since
// 1970, and the line with which the game port greets; the second is name, version
// and comment. One space parts them, and only the last of each line may have
// spaces in it. So a name is one word, and so is a version; "-" is no version.
// The greeting and the comment may be absent. Lines end with LF or CRLF, entries
// may be parted by blank lines, and the second line may begin with a space, as in
// the announcement of the format. Bytes that are not UTF-8 are Latin-1.
//
// There is no way to write a space within a name. [TwoLineOf] makes "_" of it;
// what is read keeps its "_", which was always a sign of its own: "big_cat" was a
// name, and nobody can tell it from one that was "Big Cat" elsewhere. Between
// two roots JSON lines lose nothing.
package legacy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// MaxTwoLine is the most bytes that one of the two lines has.
const MaxTwoLine = 4096

// A TwoLine is an entry of two lines.
type TwoLine struct {
	Host     string    // DNS name, IPv4 or IPv6 address without brackets
	Port     int       // 1 to 65535
	Seen     time.Time // last sign of life, whole seconds; zero: not known, written as 0
	Greeting string    // what the game port says first; may be empty
	Name     string    // one word
	Version  string    // one word; "": none, written as "-"
	Comment  string    // may be empty
}

// maxSeen is the last second of the year 9999.
const maxSeen = 253402300799

// Append appends the two lines with LF. It refuses what would read back as
// something else.
func (e *TwoLine) Append(b []byte) ([]byte, error) {
	seen := int64(0)
	if !e.Seen.IsZero() {
		seen = e.Seen.Unix()
	}
	version := e.Version
	if version == "" {
		version = noVersion
	}
	first := strings.TrimRight(fmt.Sprintf("%s %d %d %s", e.Host, e.Port, seen, e.Greeting), " ")
	second := strings.TrimRight(fmt.Sprintf("%s %s %s", e.Name, version, e.Comment), " ")
	again, err := parseTwoLine(first, second)
	if err != nil {
		return b, err
	}
	want := *e
	want.Seen = again.Seen
	if again != want || !again.Seen.Equal(e.Seen) {
		return b, fmt.Errorf("%q cannot be written as two lines: name and version are one word each, and no field begins or ends with a space", e.Name)
	}
	return append(append(append(append(b, first...), '\n'), second...), '\n'), nil
}

const noVersion = "-"

// ReadTwoLines calls each with every entry of r and the number of its first
// line, from 1; with an error in place of an entry that is wrong, after which it
// goes on with the next. It returns the first error of each, or one of reading.
func ReadTwoLines(r io.Reader, each func(line int, e TwoLine, err error) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), MaxTwoLine+2)
	for n := 1; lines.Scan(); n++ {
		first := lineOf(lines.Bytes())
		if first == "" {
			continue
		}
		begin := n
		second := ""
		if lines.Scan() {
			n++
			second = lineOf(lines.Bytes())
		}
		e, err := parseTwoLine(first, second)
		if lines.Err() != nil {
			break
		}
		if err := each(begin, e, err); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line has more than %d bytes", MaxTwoLine)
	}
	return lines.Err()
}

// lineOf returns a line as UTF-8, without its end.
func lineOf(b []byte) string {
	b = trimCR(b)
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c)) // Latin-1 is the beginning of Unicode
	}
	return s.String()
}

func trimCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

func parseTwoLine(first, second string) (TwoLine, error) {
	if max(len(first), len(second)) > MaxTwoLine { // Latin-1 grows when it becomes UTF-8
		return TwoLine{}, fmt.Errorf("a line has more than %d bytes as UTF-8", MaxTwoLine)
	}
	f := strings.SplitN(first, " ", 4)
	if len(f) < 3 {
		return TwoLine{}, errors.New("the first line of an entry is: host port unixtime greeting")
	}
	port, err := strconv.Atoi(f[1])
	if err != nil || port < 1 || port > 65535 || strconv.Itoa(port) != f[1] {
		return TwoLine{}, fmt.Errorf("%q is no port from 1 to 65535; the first line is: host port unixtime greeting", clip(f[1]))
	}
	seen, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || seen < 0 || seen > maxSeen {
		return TwoLine{}, fmt.Errorf("%q is no time in seconds since 1970; the first line is: host port unixtime greeting", clip(f[2]))
	}
	e := TwoLine{Host: f[0], Port: port}
	if err := serverlist.CheckAddress(e.Address()); err != nil || strings.HasPrefix(e.Host, "[") {
		return TwoLine{}, fmt.Errorf("host: %w", errors.Join(err, checkBrackets(e.Host)))
	}
	if seen > 0 {
		e.Seen = time.Unix(seen, 0).UTC()
	}
	if len(f) == 4 {
		e.Greeting = f[3]
	}
	s := strings.SplitN(strings.TrimPrefix(second, " "), " ", 3)
	if len(s) < 2 || s[0] == "" || s[1] == "" {
		return TwoLine{}, errors.New("the second line of an entry is: name version comment")
	}
	e.Name, e.Version = s[0], s[1]
	if e.Version == noVersion {
		e.Version = ""
	}
	if len(s) == 3 {
		e.Comment = s[2]
	}
	for _, text := range []string{e.Greeting, e.Comment} {
		if text != strings.Trim(text, " ") {
			return TwoLine{}, errors.New("one space parts the fields, and none ends a line")
		}
	}
	for name, text := range map[string]string{"greeting": e.Greeting, "name": e.Name, "version": e.Version, "comment": e.Comment} {
		if err := serverlist.CheckText(text, MaxTwoLine); err != nil {
			return TwoLine{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return e, nil
}

func checkBrackets(host string) error {
	if strings.HasPrefix(host, "[") {
		return errors.New("an IPv6 address stands without brackets here")
	}
	return nil
}

// Address returns host and port as a list has them.
func (e *TwoLine) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// Server returns the entry as a list has it, without an id. A comment that is
// too long for a description is cut.
func (e *TwoLine) Server(game string) serverlist.Server {
	return serverlist.Server{
		Name: e.Name, Game: game, Version: e.Version, Description: cut(e.Comment, serverlist.MaxDescription),
		Addresses: []string{e.Address()},
	}
}

// TwoLineOf returns an entry of a list in the older form, which holds less:
// the first address, and name and version with "_" in place of spaces.
func TwoLineOf(s *serverlist.Server, seen time.Time, greeting string) TwoLine {
	e := TwoLine{Greeting: greeting, Name: word(s.Name), Version: word(s.Version), Comment: strings.Trim(s.Description, " ")}
	if len(s.Addresses) > 0 {
		host, port, _ := net.SplitHostPort(s.Addresses[0])
		e.Host = host
		e.Port, _ = strconv.Atoi(port)
	}
	if seen.Unix() > 0 {
		e.Seen = seen.UTC().Truncate(time.Second)
	}
	return e
}

// word makes one word of a text.
func word(s string) string {
	if s == noVersion {
		return "_"
	}
	return strings.ReplaceAll(s, " ", "_")
}

func cut(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i]
		}
		n++
	}
	return s
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

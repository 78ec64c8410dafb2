package keys

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file is the grammar that the heads of all documents share: the origin
// on the first line, then lines of "key value" in a fixed order, with unknown
// lines anywhere after the type.

const (
	maxOrigin  = 128       // bytes
	maxInteger = 1<<53 - 1 // every JSON reader in every language can hold it
	timeLayout = "2006-01-02T15:04:05Z"
)

// A lineRule says where a known key stands and how often.
type lineRule struct {
	key      string
	optional bool
	repeats  bool
}

// A lineReader holds the lines of one head. Its typed getters note the first
// error in err, so that a reader lists its fields without interruption.
type lineReader struct {
	origin string
	known  map[string][]headLine
	extra  []Field
	err    error
}

type headLine struct {
	number int
	value  string
}

// readLines splits the text and checks the order of the known keys.
func readLines(text []byte, rules []lineRule) (*lineReader, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if err := CheckOrigin(lines[0]); err != nil {
		return nil, refuse(LayerHead, "bad-origin", 1, "%v", err)
	}
	r := &lineReader{origin: lines[0], known: make(map[string][]headLine)}
	next := 0 // the first rule that a known line may still meet
	for i, l := range lines[1:] {
		number := i + 2
		key, value, err := splitLine(l, number)
		if err != nil {
			return nil, err
		}
		at := findRule(rules, key)
		if number == 2 && at != 0 {
			return nil, refuse(LayerHead, "misordered-key", number, `the second line is not "type"`)
		}
		if at < 0 {
			if err := r.addExtra(number, key, value); err != nil {
				return nil, err
			}
			continue
		}
		if len(r.known[key]) > 0 && !rules[at].repeats {
			return nil, refuse(LayerHead, "duplicate-key", number, "%q stands twice", key)
		}
		if at < next {
			return nil, refuse(LayerHead, "misordered-key", number, "%q does not stand in its place", key)
		}
		next = at
		r.known[key] = append(r.known[key], headLine{number, value})
	}
	for _, rule := range rules {
		if !rule.optional && len(r.known[rule.key]) == 0 {
			return nil, refuse(LayerHead, "missing-key", 0, "the line %q is missing", rule.key)
		}
	}
	return r, nil
}

func splitLine(l string, number int) (key, value string, err error) {
	key, value, _ = strings.Cut(l, " ")
	if value == "" || !isKey(strings.TrimPrefix(key, "!")) {
		return "", "", refuse(LayerHead, "bad-line", number, `%q is not "key value"`, clip(l))
	}
	return key, value, nil
}

// addExtra keeps an unknown line, unless the writer said that a reader who
// does not know it must refuse.
func (r *lineReader) addExtra(number int, key, value string) error {
	if strings.HasPrefix(key, "!") {
		return refuse(LayerHead, "must-understand", number,
			"%q must be understood and is not: this program is too old for the document", clip(key))
	}
	for _, f := range r.extra {
		if f.Key == key {
			return refuse(LayerHead, "duplicate-key", number, "%q stands twice", clip(key))
		}
	}
	r.extra = append(r.extra, Field{number, key, value})
	return nil
}

// inOrder sorts lines by where they stand.
func inOrder(fields []Field) []Field {
	slices.SortFunc(fields, func(a, b Field) int { return cmp.Compare(a.Line, b.Line) })
	return fields
}

func findRule(rules []lineRule, key string) int {
	for i, rule := range rules {
		if rule.key == key {
			return i
		}
	}
	return -1
}

func isKey(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// get returns the first line of a key; the zero value stands for an optional
// one that is absent.
func (r *lineReader) get(key string) (headLine, bool) {
	lines := r.known[key]
	if len(lines) == 0 {
		return headLine{}, false
	}
	return lines[0], true
}

func (r *lineReader) fail(number int, format string, args ...any) {
	if r.err == nil {
		r.err = refuse(LayerHead, "bad-value", number, format, args...)
	}
}

func (r *lineReader) text(key string) string {
	l, _ := r.get(key)
	return l.value
}

func (r *lineReader) integer(key string) int64 {
	l, ok := r.get(key)
	if !ok {
		return 0
	}
	n, err := parseInteger(l.value)
	if err != nil {
		r.fail(l.number, "%s: %v", key, err)
	}
	return n
}

func (r *lineReader) time(key string) time.Time {
	l, _ := r.get(key)
	t, err := parseTime(l.value)
	if err != nil {
		r.fail(l.number, "%s: %v", key, err)
	}
	return t
}

// body reads "SIZE sha256 HEX".
func (r *lineReader) body(key string) (size int64, sum [sha256.Size]byte) {
	l, _ := r.get(key)
	parts := strings.Split(l.value, " ")
	if len(parts) != 3 || parts[1] != "sha256" {
		r.fail(l.number, `body: %q is not "SIZE sha256 HEX"`, clip(l.value))
		return 0, sum
	}
	size, err := parseInteger(parts[0])
	if err != nil {
		r.fail(l.number, "body: %v", err)
	}
	raw, err := hex.DecodeString(parts[2])
	if err != nil || len(raw) != sha256.Size || strings.ToLower(parts[2]) != parts[2] {
		r.fail(l.number, "body: the hash is not 64 lower-case hex digits")
	}
	copy(sum[:], raw)
	return size, sum
}

func parseInteger(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s != strconv.FormatUint(n, 10) || n > maxInteger {
		return 0, fmt.Errorf("%q is not a decimal integer from 0 to 2^53-1 without sign or leading zero", clip(s))
	}
	return int64(n), nil
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || t.Format(timeLayout) != s || t.Unix() < 0 {
		return time.Time{}, fmt.Errorf("%q is not a time of the form YYYY-MM-DDTHH:MM:SSZ, from 1970 on", clip(s))
	}
	return t, nil
}

// CheckOrigin tells whether s can be an origin: [a-z0-9./-], 1 to 128 bytes.
func CheckOrigin(s string) error {
	if s == "" || len(s) > maxOrigin {
		return fmt.Errorf("an origin has 1 to %d bytes", maxOrigin)
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '/' && c != '-' {
			return fmt.Errorf("%q is not an origin: only a-z, 0-9, '.', '/' and '-' are allowed", clip(s))
		}
	}
	return nil
}

// A lineWriter writes a head. It puts extra lines where they stood, so that a
// head that was read is written as the same bytes.
type lineWriter struct {
	text   []byte
	number int
	extra  []Field
	err    error // the first line that would not be one line
}

func newLineWriter(origin string, extra []Field) *lineWriter {
	return &lineWriter{text: []byte(origin + "\n"), number: 1, extra: extra}
}

func (w *lineWriter) line(key, value string) {
	for len(w.extra) > 0 && w.extra[0].Line == w.number+1 {
		w.emit(w.extra[0].Key, w.extra[0].Value)
		w.extra = w.extra[1:]
	}
	w.emit(key, value)
}

func (w *lineWriter) emit(key, value string) {
	if w.err == nil && strings.ContainsRune(key+value, '\n') {
		w.err = fmt.Errorf("the value of %q contains a line feed: it would add lines to what is signed", clip(key))
	}
	w.text = fmt.Appendf(w.text, "%s %s\n", key, value)
	w.number++
}

func (w *lineWriter) integer(key string, n int64) { w.line(key, strconv.FormatInt(n, 10)) }

func (w *lineWriter) time(key string, t time.Time) {
	w.line(key, t.UTC().Format(timeLayout))
}

func (w *lineWriter) body(key string, size int64, sum [sha256.Size]byte) {
	w.line(key, fmt.Sprintf("%d sha256 %x", size, sum))
}

// finish writes the remaining extra lines and returns the text.
func (w *lineWriter) finish() ([]byte, error) {
	for _, f := range w.extra {
		w.emit(f.Key, f.Value)
	}
	return w.text, w.err
}

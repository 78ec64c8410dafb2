package root

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/root/api"
)

// Sizes of request bodies, in bytes.
const (
	maxBody      = 16 << 10 // above this a request is refused
	maxLargeBody = 2 << 20  // up to this it is read all the same, to say which member is too large
	largeBodies  = 4        // so many at once
)

// A bodyReader reads request bodies within limits. The zero value is not
// ready; use newBodyReader.
type bodyReader struct {
	large chan struct{} // holds one element for every large body being read
	parse chan struct{} // and one for every body being parsed
}

// newBodyReader lets no more bodies be parsed at once than there are processors:
// in a flood the others wait, and not the players who ask for a list.
func newBodyReader() *bodyReader {
	return &bodyReader{large: make(chan struct{}, largeBodies), parse: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// A bodyForm is what is wrong with the form of a body that was read. Its zero
// value: nothing.
type bodyForm struct {
	fields   []api.FieldProblem // members that cannot be taken
	tooLarge bool               // it is above maxBody: it was read to say which member is
}

// refuse makes a problem of what is wrong with a body's form and with its values;
// nil: nothing is. A member whose form is wrong was left empty, so what follows
// from that is left out.
func (f bodyForm) refuse(values ...api.FieldProblem) error {
	all := fieldProblems(f.fields)
	for _, v := range values {
		if !all.has(v.Field) {
			all = append(all, v)
		}
	}
	if len(all) == 0 && !f.tooLarge {
		return nil
	}
	p := invalid(all...)
	if f.tooLarge {
		p.Status = http.StatusRequestEntityTooLarge
		p.Detail = fmt.Sprintf("Nothing was stored: the body is larger than %d bytes.", maxBody)
	}
	return p
}

// decode reads one JSON object from the request's body into the struct that
// into points to. err is a problem with the body as a whole.
func (b *bodyReader) decode(w http.ResponseWriter, r *http.Request, into any) (form bodyForm, err error) {
	if err := checkContentType(r); err != nil {
		return form, err
	}
	data, err := b.read(w, r)
	if err != nil {
		return form, err
	}
	b.parse <- struct{}{} // never for long: what is parsed is in memory
	defer func() { <-b.parse }()
	form.tooLarge = len(data) > maxBody
	form.fields, err = decodeObject(data, into)
	return form, err
}

func checkContentType(r *http.Request) error {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "The body must be JSON: send it with Content-Type: application/json.")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return problem(http.StatusUnsupportedMediaType, "The body must not be compressed: leave out Content-Encoding.")
	}
	return nil
}

// read returns the body. Bodies above maxBody are read only while few are, so
// that a flood of them cannot fill the memory.
func (b *bodyReader) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxLargeBody {
		return nil, errTooLarge(w)
	}
	body := http.MaxBytesReader(w, r.Body, maxLargeBody)
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil || len(data) <= maxBody {
		return data, readError(err)
	}
	select {
	case b.large <- struct{}{}:
		defer func() { <-b.large }()
	default:
		return nil, errTooLarge(w)
	}
	rest, err := io.ReadAll(body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, errTooLarge(w)
	}
	return append(data, rest...), readError(err)
}

// errTooLarge also ends the connection, whose rest is not worth reading.
func errTooLarge(w http.ResponseWriter) error {
	w.Header().Set("Connection", "close")
	return problem(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes.", maxBody)
}

func readError(err error) error {
	if err == nil {
		return nil
	}
	return problem(http.StatusBadRequest, "The body did not arrive whole: %v.", err)
}

// decodeObject reads exactly one JSON object. Names of members are compared
// byte by byte, none may stand twice, and none may be unknown.
func decodeObject(data []byte, into any) ([]api.FieldProblem, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, _ := dec.Token(); t != json.Delim('{') {
		return nil, problem(http.StatusBadRequest, "The body is JSON, but not an object: it must begin with {.")
	}
	members := structMembers(into)
	var fields []api.FieldProblem
	seen := make(map[string]bool)
	for dec.More() && len(fields) < maxProblems {
		var raw json.RawMessage
		t, err := dec.Token()
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil { // checkJSON has read it all, so this is no matter of the requester
			return nil, fmt.Errorf("reading JSON that was checked: %w", err)
		}
		name := t.(string)
		if text := decodeMember(members, name, raw, seen); text != "" {
			fields = append(fields, api.FieldProblem{Field: clip(name), Problem: text})
		}
		seen[name] = true
	}
	return fields, nil
}

// decodeMember returns what is wrong with a member, or "".
func decodeMember(members map[string]reflect.Value, name string, raw json.RawMessage, seen map[string]bool) string {
	into, known := members[name]
	switch {
	case !known:
		return "is not a member of this request; there are " + strings.Join(sortedKeys(members), ", ")
	case seen[name]:
		return "stands twice"
	case string(raw) == "null":
		return "is null; leave it out instead"
	}
	if problem := checkShape(raw, into.Type()); problem != "" {
		return problem
	}
	if err := json.Unmarshal(raw, into.Addr().Interface()); err != nil {
		return "must be " + describe(into.Type())
	}
	return ""
}

// checkShape returns what is wrong with the objects within a value, or "".
// Package json would take their members in any case, the last one of a name,
// and null for anything.
func checkShape(raw []byte, t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Struct:
	default: // nothing is within it
		if string(raw) == "null" {
			return "must be " + describe(t)
		}
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	start, _ := dec.Token()
	switch {
	case t.Kind() == reflect.Pointer:
		return checkShape(raw, t.Elem())
	case start == nil:
		return "must be " + describe(t)
	case t.Kind() == reflect.Slice && start == json.Delim('['):
		for dec.More() {
			if problem := checkNext(dec, t.Elem()); problem != "" {
				return problem
			}
		}
	case t.Kind() == reflect.Struct && start == json.Delim('{'):
		return checkMembers(dec, t)
	}
	return ""
}

// checkMembers checks an object of which the { is read.
func checkMembers(dec *json.Decoder, t reflect.Type) string {
	members := structMembers(reflect.New(t).Interface())
	for dec.More() {
		token, _ := dec.Token()
		name, _ := token.(string)
		member, known := members[name]
		if !known {
			return fmt.Sprintf("must be %s; %q is none of them, or stands twice", describe(t), clip(name))
		}
		delete(members, name)
		if problem := checkNext(dec, member.Type()); problem != "" {
			return problem
		}
	}
	return ""
}

// checkNext checks the next value that dec reads.
func checkNext(dec *json.Decoder, t reflect.Type) string {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return "must be " + describe(t)
	}
	return checkShape(raw, t)
}

// checkJSON tells where data is not JSON in UTF-8.
func checkJSON(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return problem(http.StatusBadRequest, "The body is empty; a JSON object is expected.")
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return problem(http.StatusBadRequest, "The body is not UTF-8 at %s.", place(data, int64(i)))
		}
		i += size
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return problem(http.StatusBadRequest, "The body is not JSON at %s: %s.", place(data, syntax.Offset-1), clip(syntax.Error()))
	}
	if err != nil {
		return problem(http.StatusBadRequest, "The body is not JSON: %s.", clip(err.Error()))
	}
	return nil
}

// place names the position of a byte for people, both numbers from 1.
func place(data []byte, at int64) string {
	before := data[:max(0, min(at, int64(len(data))))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, byte %d", line, column)
}

// structMembers returns the fields of the struct that into points to, by the
// name of their JSON member, those of embedded structs among them.
func structMembers(into any) map[string]reflect.Value {
	v := reflect.ValueOf(into).Elem()
	members := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			maps.Copy(members, structMembers(v.Field(i).Addr().Interface()))
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		members[name] = v.Field(i)
	}
	return members
}

// describe says what JSON a Go type is written as.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array, each element " + describe(t.Elem())
	case reflect.Pointer:
		return describe(t.Elem())
	case reflect.Struct:
		var names []string
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
		return "an object with " + strings.Join(names, ", ")
	}
	return "something else"
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// clip shortens hostile text before it is repeated in an answer.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// endAfterChunks ends a connection after a request that came in chunks. Such a
// request may have had a Content-Length, too, which net/http rightly ignores,
// as RFC 9112 says in section 6.3; but a proxy in front that believed it would
// take what follows for the body of this request, and not for another one, whose
// sender it could then mistake.
func endAfterChunks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/signed-metaserver/metaserver/root/api"
)

const apiPackage = "github.com/signed-metaserver/metaserver/root/api"

// schemas makes JSON schemas of Go types.
type schemas struct{ reflector *jsonschema.Reflector }

func newSchemas(folder string) (*schemas, error) {
	r := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true}
	if err := r.AddGoComments("", folder, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("reading the comments of package api: %w", err)
	}
	comments := r.CommentMap
	r.CommentMap = make(map[string]string, len(comments))
	for name, text := range comments { // "../api.Status" and "../api.Status.ID"
		name = apiPackage + strings.TrimPrefix(name, folder)
		r.CommentMap[name] = plain(text)
	}
	return &schemas{r}, nil
}

// plain makes one line of a comment, without the brackets of Go's links.
func plain(text string) string {
	text = strings.NewReplacer("[", "", "]", "").Replace(strings.Join(strings.Fields(text), " "))
	return strings.ReplaceAll(text, "addresses0", "addresses[0]") // the one bracket that is meant
}

// use collects the schemas and the refusals that one document refers to.
type use struct {
	*schemas
	made     map[string]json.RawMessage
	problems map[string]response
}

func newUse(s *schemas) *use {
	return &use{s, make(map[string]json.RawMessage), make(map[string]response)}
}

// text is a body that is no JSON.
type text string

// object is a body that is some JSON object.
type object struct{}

// content returns the type and the schema of a body.
func (u *use) content(v any) (kind string, schema any) {
	if t, ok := v.(text); ok {
		return string(t), map[string]string{"type": "string"}
	}
	if reflect.TypeOf(v) == reflect.TypeFor[api.Problem]() {
		return api.ProblemType, u.ref(reflect.TypeOf(v))
	}
	return "application/json", u.ref(reflect.TypeOf(v))
}

// ref returns a reference to the schema of a type, and adds the schema.
func (u *use) ref(t reflect.Type) any {
	if t.Kind() == reflect.Slice {
		return map[string]any{"type": "array", "items": u.ref(t.Elem())}
	}
	if t == reflect.TypeFor[object]() {
		return map[string]string{"type": "object"}
	}
	root := u.reflector.ReflectFromType(t)
	for name, s := range root.Definitions {
		data, err := json.Marshal(s)
		if err != nil {
			panic(err) // a schema that this program has just made
		}
		u.made[name] = []byte(strings.ReplaceAll(string(data), `"#/$defs/`, `"#/components/schemas/`))
	}
	return map[string]string{"$ref": "#/components/schemas/" + t.Name()}
}

// problem returns a reference to the description of a refusal, and adds it.
func (u *use) problem(status int) response {
	kind, schema := u.content(api.Problem{})
	r := response{Description: statusText(status), Content: map[string]media{kind: {schema}}}
	if status == http.StatusTooManyRequests {
		r.Headers = map[string]header{"Retry-After": {"Seconds to wait.", map[string]string{"type": "integer"}}}
	}
	name := fmt.Sprintf("Problem%d", status)
	u.problems[name] = r
	return response{Ref: "#/components/responses/" + name}
}

func statusText(status int) string {
	if s := refusals[status]; s != "" {
		return s
	}
	return http.StatusText(status)
}

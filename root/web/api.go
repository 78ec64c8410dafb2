package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// APIView is what the page about the API is made from: an OpenAPI document, of
// which it shows what package openapi puts in.
type APIView struct {
	Page
	Introduction []string // sentences
	Document     string   // path below the root's URL
	Groups       []apiGroup
	Types        []apiType
}

type apiGroup struct {
	Name, Text string
	Operations []apiOperation
}

type apiOperation struct {
	ID, Method, Path, Summary, Text string
	Parameters                      []apiMember
	Body                            apiRef
	BodyMayBeAbsent                 bool
	Answers                         []apiAnswer
}

type apiAnswer struct {
	Status, Text string
	Body         apiRef
}

// apiRef names a type; Name is "" where there is none.
type apiRef struct{ Before, Name, Other string }

type apiType struct {
	Name, Text string
	Members    []apiMember
}

type apiMember struct {
	Name, Text string
	Type       apiRef
	Required   bool
}

// What of a document is read.
type (
	apiDocument struct {
		Info  struct{ Description string }
		Tags  []struct{ Name, Description string }
		Paths map[string]map[string]struct {
			OperationID, Summary, Description string
			Tags                              []string
			Parameters                        []struct {
				Name, In, Description string
				Schema                apiSchema
				Required              bool
			}
			RequestBody *struct {
				Required bool
				Content  apiContent
			}
			Responses map[string]apiResponse
		}
		Components struct {
			Schemas   map[string]apiSchema
			Responses map[string]apiResponse
		}
	}
	apiContent  map[string]struct{ Schema apiSchema }
	apiResponse struct {
		Ref         string `json:"$ref"`
		Description string
		Content     apiContent
	}
	apiSchema struct {
		Ref                 string `json:"$ref"`
		Type                string
		Format, Description string
		Items               *apiSchema
		Properties          map[string]apiSchema
		Required            []string
	}
)

// API makes the page.
func API(page Page, document []byte) ([]byte, error) {
	var d apiDocument
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("the description of the API: %w", err)
	}
	v := APIView{Page: page, Document: "api/v1/openapi.json", Introduction: strings.SplitAfter(d.Info.Description, ". ")}
	for _, t := range d.Tags {
		v.Groups = append(v.Groups, apiGroup{t.Name, t.Description, d.operations(t.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		v.Types = append(v.Types, typeOf(name, d.Components.Schemas[name]))
	}
	return render("api", v)
}

// operations returns those of a tag, by path.
func (d *apiDocument) operations(tag string) (out []apiOperation) {
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			o := d.Paths[path][method]
			if !slices.Contains(o.Tags, tag) {
				continue
			}
			one := apiOperation{ID: o.OperationID, Method: strings.ToUpper(method), Path: path, Summary: o.Summary, Text: o.Description}
			for _, p := range o.Parameters {
				one.Parameters = append(one.Parameters, apiMember{p.Name, p.Description, refOf(p.Schema), p.Required})
			}
			if o.RequestBody != nil {
				one.Body, one.BodyMayBeAbsent = bodyOf(o.RequestBody.Content), !o.RequestBody.Required
			}
			for status, r := range o.Responses {
				if r.Ref != "" {
					r = d.Components.Responses[lastPart(r.Ref)]
				}
				one.Answers = append(one.Answers, apiAnswer{status, r.Description, bodyOf(r.Content)})
			}
			slices.SortFunc(one.Answers, func(a, b apiAnswer) int { return cmp.Compare(a.Status, b.Status) })
			out = append(out, one)
		}
	}
	return out
}

func lastPart(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func bodyOf(c apiContent) apiRef {
	for kind, m := range c {
		if ref := refOf(m.Schema); ref.Name != "" || kind == "application/json" {
			return ref
		}
		return apiRef{Other: kind}
	}
	return apiRef{}
}

// refOf puts a schema into words.
func refOf(s apiSchema) apiRef {
	switch {
	case s.Ref != "":
		return apiRef{Name: lastPart(s.Ref)}
	case s.Items != nil:
		r := refOf(*s.Items)
		r.Before = "array of " + r.Before
		return r
	case s.Format == "date-time":
		return apiRef{Other: "time"}
	}
	return apiRef{Other: s.Type}
}

func typeOf(name string, s apiSchema) apiType {
	t := apiType{Name: name, Text: s.Description}
	required := func(name string) int {
		if slices.Contains(s.Required, name) {
			return 0
		}
		return 1
	}
	for _, member := range slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(cmp.Compare(required(a), required(b)), cmp.Compare(a, b))
	}) {
		p := s.Properties[member]
		t.Members = append(t.Members, apiMember{member, p.Description, refOf(p), slices.Contains(s.Required, member)})
	}
	return t
}

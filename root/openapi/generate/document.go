package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parts of an OpenAPI document, as far as they are used here.
type (
	document struct {
		OpenAPI    string                         `json:"openapi"`
		Info       info                           `json:"info"`
		Tags       []tag                          `json:"tags"`
		Paths      map[string]map[string]*opening `json:"paths"`
		Components components                     `json:"components"`
	}
	info struct {
		Title       string  `json:"title"`
		Version     string  `json:"version"`
		Description string  `json:"description"`
		License     license `json:"license"`
	}
	license struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	components struct {
		Schemas         map[string]json.RawMessage `json:"schemas"`
		Responses       map[string]response        `json:"responses"`
		SecuritySchemes map[string]security        `json:"securitySchemes,omitempty"`
	}
	security struct {
		Type        string `json:"type"`
		Scheme      string `json:"scheme"`
		Description string `json:"description"`
	}
	// An opening is an operation object.
	opening struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Description string                `json:"description,omitempty"`
		Tags        []string              `json:"tags"`
		Parameters  []parameter           `json:"parameters,omitempty"`
		RequestBody *body                 `json:"requestBody,omitempty"`
		Responses   map[string]response   `json:"responses"`
		Security    []map[string][]string `json:"security"`
	}
	parameter struct {
		Name        string `json:"name"`
		In          string `json:"in"`
		Required    bool   `json:"required"`
		Description string `json:"description,omitempty"`
		Schema      any    `json:"schema"`
	}
	body struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	}
	response struct {
		Ref         string            `json:"$ref,omitempty"`
		Description string            `json:"description,omitempty"`
		Headers     map[string]header `json:"headers,omitempty"`
		Content     map[string]media  `json:"content,omitempty"`
	}
	header struct {
		Description string `json:"description"`
		Schema      any    `json:"schema"`
	}
	media struct {
		Schema any `json:"schema"`
	}
)

const adminTag = "admin"

// describe makes the documents by the names of their files. folder is that of
// package api, whose comments become descriptions.
func describe(folder string) (map[string][]byte, error) {
	s, err := newSchemas(folder)
	if err != nil {
		return nil, err
	}
	documents := make(map[string][]byte)
	for name, list := range map[string][]operation{
		"public.json": public,
		"all.json":    slices.Concat(public, admin),
	} {
		if documents[name], err = s.document(list); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

func (s *schemas) document(list []operation) ([]byte, error) {
	d := document{
		OpenAPI: "3.1.0",
		Info: info{
			Title: "Root of a signed server list", Version: "1", Description: introduction,
			License: license{"MIT License", "MIT"},
		},
		Tags:  []tag{},
		Paths: make(map[string]map[string]*opening),
	}
	used := newUse(s)
	for _, op := range list {
		if err := d.add(op, used); err != nil {
			return nil, err
		}
	}
	for _, t := range tags {
		if slices.ContainsFunc(list, func(op operation) bool { return op.tag() == t.Name }) {
			d.Tags = append(d.Tags, t)
		}
	}
	if slices.ContainsFunc(list, func(op operation) bool { return op.admin() }) {
		d.Components.SecuritySchemes = map[string]security{"token": {"http", "bearer", tokenText}}
	}
	d.Components.Schemas, d.Components.Responses = used.made, used.problems
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	return b.Bytes(), nil
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// add puts one operation into the document.
func (d *document) add(op operation, used *use) error {
	o := &opening{
		OperationID: op.id(), Summary: op.Summary, Description: op.More, Tags: []string{op.tag()},
		Responses: make(map[string]response), Security: []map[string][]string{},
	}
	for _, m := range pathParameter.FindAllStringSubmatch(op.Path, -1) {
		o.Parameters = append(o.Parameters, parameter{m[1], "path", true, parameters[m[1]], map[string]string{"type": "string"}})
	}
	for _, q := range op.Query {
		o.Parameters = append(o.Parameters, parameter{q.Name, "query", false, q.Text, map[string]string{"type": q.Type}})
	}
	if op.admin() {
		o.Security = append(o.Security, map[string][]string{"token": {}})
	}
	if op.Body != nil {
		kind, schema := used.content(op.Body)
		o.RequestBody = &body{!op.BodyMayBeAbsent, map[string]media{kind: {schema}}}
	}
	for _, a := range op.Answers {
		r := response{Description: a.Text}
		if a.Body != nil {
			kind, schema := used.content(a.Body)
			r.Content = map[string]media{kind: {schema}}
		}
		o.Responses[strconv.Itoa(a.Status)] = r
	}
	for _, status := range op.problems() {
		o.Responses[strconv.Itoa(status)] = used.problem(status)
	}
	methods := d.Paths[op.Path]
	if methods == nil {
		methods = make(map[string]*opening)
		d.Paths[op.Path] = methods
	}
	method := strings.ToLower(op.Method)
	if methods[method] != nil {
		return fmt.Errorf("%s %s is described twice", op.Method, op.Path)
	}
	methods[method] = o
	return nil
}

// id makes a name of the operation for programs: its path in words.
func (op operation) id() string {
	name := strings.ToLower(op.Method)
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(op.Path, "/api/v1"), func(r rune) bool { return strings.ContainsRune("/{}-.", r) }) {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	return name
}

func (op operation) admin() bool { return strings.HasPrefix(op.Path, "/api/v1/admin/") }

// tag is the part of the API that the operation is shown in.
func (op operation) tag() string {
	if op.admin() {
		return adminTag
	}
	return op.Tag
}

// problems returns the statuses of refusals.
func (op operation) problems() []int {
	all := slices.Clone(op.Problems)
	if op.admin() {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if op.Body != nil {
		all = append(all, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	if strings.Contains(op.Path, "{") {
		all = append(all, http.StatusNotFound)
	}
	all = append(all, http.StatusInternalServerError)
	slices.Sort(all)
	return slices.Compact(all)
}

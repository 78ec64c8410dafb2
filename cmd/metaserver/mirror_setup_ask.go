package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// An asker asks a person at a terminal.
type asker struct {
	in     *os.File
	out    io.Writer
	lines  *bufio.Reader
	latest map[string]string // what was answered to a question
	before map[string]string // the same, of the last time that all was asked
}

var (
	errNoAnswer = errors.New("no answer; nothing was changed")
	errDeclined = errors.New("not confirmed; nothing was changed")
)

// line asks for a line. An empty answer is fallback, and asked for again if
// there is none and it is required.
func (a *asker) line(ctx context.Context, question, fallback string, required bool) (string, error) {
	if a.lines == nil {
		a.lines, a.latest = bufio.NewReader(byByte{in: a.in}), map[string]string{}
	}
	if before := a.before[question]; before != "" {
		fallback = before
	}
	for {
		if fallback != "" {
			fmt.Fprintf(a.out, "%s [%s]: ", question, fallback)
		} else {
			fmt.Fprintf(a.out, "%s: ", question)
		}
		answer, err := a.read(ctx)
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = fallback
		}
		if answer != "" || !required {
			a.latest[question] = answer
			return answer, nil
		}
		fmt.Fprintln(a.out, "  This is needed.")
	}
}

// read returns when a line is there or the context ends; then the read that is
// under way ends with the program.
func (a *asker) read(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := a.lines.ReadString('\n')
		answers <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case got := <-answers:
		if got.err != nil {
			fmt.Fprintln(a.out)
			return "", errNoAnswer
		}
		return got.text, nil
	case <-ctx.Done():
		fmt.Fprintln(a.out)
		return "", errInterrupted
	}
}

func (a *asker) yes(ctx context.Context, question string) (bool, error) {
	for {
		answer, err := a.line(ctx, question+" (y/n)", "n", false)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		fmt.Fprintln(a.out, "  Answer y or n.")
	}
}

// asksAgain shows what went wrong and tells whether to ask everything once more,
// with the answers so far in brackets. One mistyped password is no reason to
// type all of it. Else the error is one that was shown.
func (s *mirrorSetup) asksAgain(ctx context.Context, failure *error) bool {
	if s.ask == nil || ctx.Err() != nil || errors.Is(*failure, errNoAnswer) || errors.Is(*failure, errInterrupted) {
		return false
	}
	printError(s.errOut, *failure)
	again, err := s.ask.yes(ctx, "Answer the questions again? What you have answered is kept, but for passwords")
	if err != nil || !again {
		*failure = errors.Join(errReported, *failure)
		return false
	}
	s.ask.before = maps.Clone(s.ask.latest)
	s.kind, s.lines, s.secret, s.secretFile = "", nil, nil, ""
	if !s.given.Flags().Changed("public-url") {
		s.public = ""
	}
	if !s.given.Flags().Changed("register") {
		s.register = false
	}
	return true
}

// askAll asks for what was not given as a flag.
func (s *mirrorSetup) askAll(ctx context.Context) error {
	if err := s.askType(ctx); err != nil {
		return err
	}
	for _, field := range hosts.Fields(s.kind) {
		if err := s.askField(ctx, field); err != nil {
			return err
		}
	}
	if s.public == "" {
		if err := s.askPublic(ctx, s.readBackAtURL()); err != nil {
			return err
		}
	}
	if s.public == "" || s.register {
		return nil
	}
	var err error
	s.register, err = s.ask.yes(ctx, "Ask the root to list this mirror? An admin decides")
	if err != nil || !s.register {
		return err
	}
	return s.askRequest(ctx)
}

func (s *mirrorSetup) askType(ctx context.Context) error {
	fmt.Fprintln(s.errOut, "Where to publish to?")
	for _, kind := range hosts.Types() {
		fmt.Fprintf(s.errOut, "  %-8s %s\n", kind, hosts.About(kind))
	}
	for {
		kind, err := s.ask.line(ctx, "Type", hosts.Types()[0], true)
		if err != nil {
			return err
		}
		if slices.Contains(hosts.Types(), kind) {
			s.kind = kind
			return nil
		}
		fmt.Fprintln(s.errOut, "  This is none of them.")
	}
}

// readBackAtURL tells whether the public URL is the only way to read back what
// was published.
func (s *mirrorSetup) readBackAtURL() bool {
	return s.kind == "command" && !slices.ContainsFunc(s.lines, func(line string) bool { return strings.HasPrefix(line, "pull = ") })
}

func (s *mirrorSetup) askPublic(ctx context.Context, required bool) error {
	question := "URL of the folder for players, as http://mirror.example.net/ms/ (empty: not checked)"
	if required {
		question = "URL of the folder for players, as http://mirror.example.net/ms/; what is published is read back there"
	}
	for {
		var err error
		if s.public, err = s.ask.line(ctx, question, "", required); err != nil {
			return err
		}
		wrong := hosts.CheckPublicURL(s.public)
		if wrong == nil {
			return nil
		}
		fmt.Fprintf(s.errOut, "  %v\n", wrong)
	}
}

func (s *mirrorSetup) askField(ctx context.Context, field hosts.Field) error {
	for _, name := range flagNames(field) {
		if s.given.Flags().Changed(name) {
			s.lines = append(s.lines, s.line(name, field.Kind))
			return nil
		}
	}
	if field.Rare() || s.needless(field.Key) {
		return nil
	}
	switch field.Kind {
	case hosts.Secret:
		return s.askSecret(ctx, field)
	case hosts.Switch:
		yes, err := s.ask.yes(ctx, upperFirst(field.Question)+"?")
		if yes {
			s.lines = append(s.lines, field.Key+" = true")
		}
		return err
	case hosts.List:
		empty := ""
		if !field.Required {
			empty = "; empty: none"
		}
		text, err := s.ask.line(ctx, upperFirst(field.Question)+" (words apart by spaces"+empty+")", "", field.Required)
		if text != "" {
			s.lines = append(s.lines, field.Key+" = "+quoteList(strings.Fields(text)))
		}
		return err
	}
	text, err := s.ask.line(ctx, upperFirst(field.Question)+forExample(field), "", field.Required)
	if text != "" {
		if isPath(field.Key) {
			text = fromConfig(s.config, text)
		}
		s.lines = append(s.lines, field.Key+" = "+tomlfile.Quote(text))
	}
	return err
}

// needless tells whether an answer before makes a question idle: the passphrase of
// no key, the password of nobody, or beside another way to log in.
func (s *mirrorSetup) needless(key string) bool {
	asks := func(key string) bool {
		return slices.ContainsFunc(hosts.Fields(s.kind), func(f hosts.Field) bool { return f.Key == key })
	}
	has := func(key string) bool { return s.hasLine(hosts.Field{Key: key}) }
	switch key {
	case "passphrase":
		return asks("key_file") && !has("key_file")
	case "password":
		return has("key_file") || has("agent") || asks("user") && !has("user")
	}
	return false
}

func forExample(field hosts.Field) string {
	optional := ""
	if !field.Required {
		optional = "; empty: none"
	}
	if field.Example == "" && optional == "" {
		return ""
	}
	return " (as " + field.Example + optional + ")"
}

// askSecret keeps what is typed for a file of its own.
func (s *mirrorSetup) askSecret(ctx context.Context, field hosts.Field) error {
	if s.secret != nil {
		return nil // one secret logs in
	}
	empty := "; empty: none"
	if field.Required {
		empty = ""
	}
	secret, err := askPassphrase(ctx, s.errOut, upperFirst(field.Question)+" (not shown"+empty+"): ")
	for err == nil && len(secret) == 0 && field.Required {
		fmt.Fprintln(s.errOut, "  This is needed.")
		secret, err = askPassphrase(ctx, s.errOut, upperFirst(field.Question)+" (not shown): ")
	}
	if err != nil || len(secret) == 0 {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(s.config), ".toml") + "." + field.Key
	s.secret, s.secretFile = secret, filepath.Join(filepath.Dir(s.config), name)
	s.lines = append(s.lines, field.Key+"_file = "+tomlfile.Quote(name))
	return nil
}

func (s *mirrorSetup) askRequest(ctx context.Context) error {
	r := &s.request
	for _, q := range []struct {
		text     string
		value    *string
		required bool
	}{
		{"Id in the mirror list (a-z, 0-9, -)", &r.ID, true},
		{"Who runs it; published", &r.Operator, true},
		{"Where it stands; published (empty: not said)", &r.Region, false},
		{"Contact; published (empty: none)", &r.Contact, false},
		{"E-mail address for the root's admins; never published", &r.Email, true},
	} {
		if *q.value != "" {
			continue
		}
		for {
			var err error
			if *q.value, err = s.ask.line(ctx, q.text, "", q.required); err != nil {
				return err
			}
			wrong := error(nil)
			if q.value == &r.ID {
				wrong = serverlist.CheckID(r.ID)
			}
			if wrong == nil {
				break
			}
			fmt.Fprintf(s.errOut, "  %v\n", wrong)
		}
	}
	return nil
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

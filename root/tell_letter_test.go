package root

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Every letter can be filled in, whatever the values say, and stays plain text
// of lines that fit.
func TestLetters(t *testing.T) {
	t.Parallel()
	evil := "Cat\r\nBcc: x@example.org\r\n\r\n.\r\n\x1b[2J\u202e {{.Origin}} " + strings.Repeat("long ", 40)
	values := map[string]any{
		"Origin": "ms.example.org", "ID": "r12", "Entry": "cat-2", "Name": evil, "Addresses": "cat2.example.net:13327", "Reason": evil,
		"Subject": evil, "Text": evil, "By": evil, "Lines": []string{evil}, "More": int64(3), "Waiting": "Altogether 7.",
	}
	files, err := fs.ReadDir(letterFiles, "letters")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".txt")
		subject, body, err := write(name, values)
		if err != nil {
			t.Error(err)
			continue
		}
		if subject == "" || strings.ContainsAny(subject, "\r\n\x1b\u202e") {
			t.Errorf("%s: the subject is %q", name, subject)
		}
		if strings.ContainsAny(body, "\r\x1b\u202e") || strings.Contains(body, "\nBcc:") || strings.Contains(body, "\n.\n") || strings.Contains(body, "\n\n\n") || !strings.HasSuffix(body, "\n") {
			t.Errorf("%s: the body is %q", name, body)
		}
		for line := range strings.Lines(body) {
			if utf8.RuneCountInString(line) > 76 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: a line of %d characters: %s", name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

// A letter that anybody can have sent to anybody says nothing of their own.
func TestLettersCarryNoAdvertisement(t *testing.T) {
	t.Parallel()
	m, err := (&teller{origin: "ms.example.org", mail: true}).received(store.Arrival{Registration: store.Registration{
		ID: "r12", Email: "victim@example.net", Server: serverlist.Server{Name: "Buy now", Addresses: []string{"buy.example:80"}},
	}})
	if err != nil || strings.Contains(strings.ToLower(m.Subject+m.Body), "buy") || !m.Bounded || m.Recipient != "victim@example.net" {
		t.Errorf("%+v, %v", m, err)
	}
	for _, name := range []string{"received", "rejected"} {
		text, err := fs.ReadFile(letterFiles, "letters/"+name+".txt")
		if err != nil || strings.Contains(string(text), ".Name") || strings.Contains(string(text), ".Addresses") {
			t.Errorf("%s.txt shows what a request says: %v", name, err)
		}
	}
}

// What an event of the configuration can be is what is sent, and the settings
// name all of it.
func TestEventsAreKnown(t *testing.T) {
	t.Parallel()
	for action, about := range tidings {
		if !slices.Contains(knownEvents, about.event) {
			t.Errorf("%s makes an event that is not known: %s", action, about.event)
		}
		if letters.Lookup(about.letter+".txt") == nil {
			t.Errorf("%s has no letter %q", action, about.letter)
		}
	}
	var text strings.Builder
	if err := configText.Execute(&text, InitConfig{Origin: "ms.example.org"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range knownEvents {
		group, name, _ := strings.Cut(e, ".")
		if !strings.Contains(text.String(), e) && (name == "" || !strings.Contains(text.String(), "."+name) || !strings.Contains(text.String(), group+".")) {
			t.Errorf("root.toml does not name the event %s", e)
		}
		if err := checkEvent(e); err != nil {
			t.Error(err)
		}
	}
	if err := checkEvent("mirror"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"registration.aproved": `did you mean "registration.approved"`, "x": "there are registration.arrived"} {
		if err := checkEvent(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyDenials(t *testing.T) {
	t.Parallel()
	teller := &teller{origin: "ms.example.org", mail: true, admins: []string{"a@example.org"}, hooks: []mail.Hook{{Name: "chat"}}}
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	denied := func(count int64, at time.Time) []store.Message {
		return teller.ofDenials(audit.Record{Number: 7, Event: audit.Event{Time: at, Action: "wrong-token", Count: count, Source: "192.0.2.0/24"}})
	}
	if all := denied(manyDenials-1, now); len(all) != 0 {
		t.Errorf("a few denials are told of: %+v", all)
	}
	first, later := denied(500, now), denied(900, now.Add(50*time.Minute))
	if len(first) != 2 || first[0].Key != later[0].Key || first[1].Channel != "chat" || !strings.Contains(first[0].Subject, "500 requests") {
		t.Errorf("%+v\n%+v", first, later)
	}
	if next := denied(500, now.Add(time.Hour)); next[0].Key == first[0].Key {
		t.Error("the next hour is not told of")
	}
}

package signedrequest_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
)

var now = time.Date(2026, 11, 3, 11, 42, 0, 500_000_000, time.UTC)

func signer(t testing.TB, seed byte) *keys.Signer {
	t.Helper()
	s, err := keys.NewSigner("ms.example.org/server/cat-2", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signed(t testing.TB, change ...func(*signedrequest.Request)) []byte {
	t.Helper()
	r := signedrequest.New("ms.example.org", "cat-2", signedrequest.Edit, []byte(`{"name":"Cat 2"}`), now)
	for _, c := range change {
		c(r)
	}
	note, err := r.Sign(signer(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func want() signedrequest.Want {
	return signedrequest.Want{
		Origin: "ms.example.org", Subject: "cat-2", Actions: []signedrequest.Action{signedrequest.Edit},
		Content: []byte(`{"name":"Cat 2"}`), Now: now,
	}
}

func TestSignedRequest(t *testing.T) {
	t.Parallel()
	note := signed(t)
	const head = "signed-metaserver/owner-request/1\norigin ms.example.org\nsubject cat-2\naction edit\ncontent "
	const tail = "\ntime 2026-11-03T11:42:00Z\nsequence 1793706120500\n\n— ms.example.org/server/cat-2 "
	if !strings.HasPrefix(string(note), head) || !strings.Contains(string(note), tail) {
		t.Errorf("the text is\n%s", note)
	}
	r, err := signedrequest.Open(note, signer(t, 1).VerifierKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(want()); err != nil {
		t.Error(err)
	}
	if r.Sequence != now.UnixMilli() || !r.Time.Equal(now.Truncate(time.Second)) {
		t.Errorf("%+v", r)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	public := signer(t, 1).VerifierKey().Public()
	good := string(signed(t))
	text, line, _ := strings.Cut(good, "\n\n")
	for name, note := range map[string]string{
		"nothing":          "",
		"no signature":     text + "\n",
		"cut off":          good[:len(good)-9],
		"no line feed":     strings.TrimSuffix(good, "\n"),
		"two signatures":   good + line,
		"other subject":    strings.Replace(good, "cat-2\n", "cat-3\n", 1),
		"other action":     strings.Replace(good, "edit\n", "withdraw\n", 1),
		"other time":       strings.Replace(good, "11:42:00", "11:43:00", 1),
		"other sequence":   strings.Replace(good, "sequence 1", "sequence 2", 1),
		"other content":    strings.Replace(good, "content ", "content 0", 1),
		"carriage returns": strings.ReplaceAll(good, "\n", "\r\n"),
		"large":            good + strings.Repeat("x", signedrequest.MaxSize),
		"spaces in base64": strings.Replace(good, "— ", "—  ", 1),
	} {
		if _, err := signedrequest.Open([]byte(note), public); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := signedrequest.Open([]byte(good), signer(t, 2).VerifierKey().Public()); !errors.Is(err, signedrequest.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, err := signedrequest.Open([]byte(good), nil); !errors.Is(err, signedrequest.ErrSignature) {
		t.Errorf("no key: %v", err)
	}
}

// TestOneSpelling signs texts that say the same in other words.
func TestOneSpelling(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	text, _, _ := strings.Cut(string(signed(t)), "\n\n")
	text += "\n"
	for name, other := range map[string]string{
		"offset":        strings.Replace(text, "11:42:00Z", "12:42:00+01:00", 1),
		"fraction":      strings.Replace(text, "11:42:00Z", "11:42:00.5Z", 1),
		"plus":          strings.Replace(text, "sequence ", "sequence +", 1),
		"leading zero":  strings.Replace(text, "sequence ", "sequence 0", 1),
		"zero":          text[:strings.Index(text, "sequence")] + "sequence 0\n",
		"negative":      strings.Replace(text, "sequence ", "sequence -", 1),
		"too large":     strings.Replace(text, "sequence ", "sequence 99999999999", 1),
		"capital hex":   strings.Replace(text, "content "+text[strings.Index(text, "content ")+8:][:64], "content "+strings.ToUpper(text[strings.Index(text, "content ")+8:][:64]), 1),
		"another line":  text + "more x\n",
		"missing line":  strings.Replace(text, "action edit\n", "", 1),
		"other order":   strings.Replace(text, "action edit\n", "", 1) + "action edit\n",
		"other context": strings.Replace(text, "request/1", "request/2", 1),
		"a list's head": "ms.example.org\nserver-list/1\nversion 1\n",
		"empty value":   strings.Replace(text, "subject cat-2", "subject ", 1),
	} {
		note, err := keys.Sign([]byte(other), s)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := signedrequest.Open(note, s.VerifierKey().Public()); err == nil {
			t.Errorf("%s was taken as %+v", name, r)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		request func(*signedrequest.Request)
		want    func(*signedrequest.Want)
		ok      bool
	}{
		"as it is":           {ok: true},
		"other root":         {want: func(w *signedrequest.Want) { w.Origin = "other.example" }},
		"other entry":        {want: func(w *signedrequest.Want) { w.Subject = "cat-3" }},
		"other action":       {request: func(r *signedrequest.Request) { r.Action = "withdraw" }},
		"unknown action":     {request: func(r *signedrequest.Request) { r.Action = "transfer" }},
		"other content":      {want: func(w *signedrequest.Want) { w.Content = []byte(`{"name":"Cat 3"}`) }},
		"ten minutes before": {want: func(w *signedrequest.Want) { w.Now = now.Truncate(time.Second).Add(-10 * time.Minute) }, ok: true},
		"ten minutes after":  {want: func(w *signedrequest.Want) { w.Now = now.Truncate(time.Second).Add(10 * time.Minute) }, ok: true},
		"too early":          {want: func(w *signedrequest.Want) { w.Now = now.Add(-11 * time.Minute) }},
		"too late":           {want: func(w *signedrequest.Want) { w.Now = now.Add(10*time.Minute + time.Second) }},
		"small sequence":     {request: func(r *signedrequest.Request) { r.Sequence = 1 }, ok: true},
		"highest sequence":   {request: func(r *signedrequest.Request) { r.Sequence = 1<<63 - 1 }},
		"sequence in future": {request: func(r *signedrequest.Request) { r.Sequence = now.Add(10*time.Minute+time.Second).UnixMilli() + 1 }},
	} {
		request, w := func(*signedrequest.Request) {}, want()
		if tc.request != nil {
			request = tc.request
		}
		if tc.want != nil {
			tc.want(&w)
		}
		r, err := signedrequest.Open(signed(t, request), signer(t, 1).VerifierKey().Public())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := r.Check(w); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*signedrequest.Request){
		"line feed in the subject": func(r *signedrequest.Request) { r.Subject = "cat\naction withdraw" },
		"no subject":               func(r *signedrequest.Request) { r.Subject = "" },
		"no sequence":              func(r *signedrequest.Request) { r.Sequence = 0 },
		"parts of a second":        func(r *signedrequest.Request) { r.Time = now; r.Origin = "" },
	} {
		r := signedrequest.New("ms.example.org", "cat-2", signedrequest.Edit, nil, now)
		change(r)
		if note, err := r.Sign(signer(t, 1)); err == nil {
			t.Errorf("%s was signed:\n%s", name, note)
		}
	}
}

// FuzzOpen signs whatever it finds, so that the parser behind the signature is
// reached, and sends it as a note as well.
func FuzzOpen(f *testing.F) {
	s := signer(f, 1)
	note := signed(f)
	text, _, _ := strings.Cut(string(note), "\n\n")
	f.Add(note)
	f.Add([]byte(text + "\n"))
	f.Add([]byte(strings.Replace(text, "2026-11-03T11:42:00Z", "2026-11-03T11:42:60Z", 1) + "\n"))
	f.Add([]byte(signedrequest.Context + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := signedrequest.Open(data, s.VerifierKey().Public()); err == nil {
			check(t, r, s)
		}
		note, err := keys.Sign(data, s)
		if err != nil {
			return // no text of a note
		}
		r, err := signedrequest.Open(note, s.VerifierKey().Public())
		if err != nil {
			return
		}
		if again := check(t, r, s); !bytes.HasPrefix(again, data) {
			t.Errorf("%q was read, and written as %q", data, again)
		}
	})
}

// check signs what was read again, which must work and give the same.
func check(t *testing.T, r *signedrequest.Request, s *keys.Signer) []byte {
	note, err := r.Sign(s)
	if err != nil {
		t.Fatalf("%+v was read and cannot be signed: %v", r, err)
	}
	again, err := signedrequest.Open(note, s.VerifierKey().Public())
	if err != nil || *again != *r {
		t.Fatalf("%+v became %+v, %v", r, again, err)
	}
	return note
}

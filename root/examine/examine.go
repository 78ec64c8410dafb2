// Package examine looks at a root from its data folder, whether it is served or
// not, and changes nothing: [Check] finds what keeps it from working, or will,
// with the remedy; [Describe] says what it is.
package examine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Level tells how bad a [Finding] is.
type Level string

// The levels.
const (
	Good    Level = "ok"
	Warning Level = "warning" // the root works
	Bad     Level = "error"   // it does not, or will not for long
)

// A Finding is what one look found. Its JSON form is stable.
type Finding struct {
	Level   Level  `json:"level"`
	Subject string `json:"subject"` // "configuration", "permissions", "keys", "trust", "database", "audit", "disk", "documents", "clock", "root", "listener", "certificate", "public_url", "mirrors", "target", "mail"
	Where   string `json:"where,omitempty"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy,omitempty"` // what to do; may stand in Text already
}

// Config says which root to look at.
type Config struct {
	Data string // the data folder; "": File names it
	File string // the configuration; "": root.toml in Data

	// Passphrase returns the passphrase of the list key; nil: it is not known,
	// and encrypted keys are not opened.
	Passphrase func() ([]byte, error)

	Now func() time.Time // nil: time.Now

	Units []string // folders of socket units of systemd; nil: where they are
}

// Times and bounds of a check.
const (
	maxSkew       = 5 * time.Minute  // between this clock and others
	enoughDisk    = 1 << 30          // bytes, below which an operator should know
	answerWait    = 15 * time.Second // for each machine that is asked
	maxMirrorsAsk = 8                // mirrors that are asked side by side
)

// Check looks at everything that can keep a root from working, whether it runs
// or not, and returns all that it finds, good and bad, in the order in which to
// put it right. It changes nothing.
func Check(ctx context.Context, c Config) []Finding {
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &checker{Config: c, http: &http.Client{
		Timeout:       answerWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	}}
	if !k.configuration() {
		return k.found
	}
	k.permissions()
	k.disk()
	k.database(ctx)
	if k.trust() {
		k.keys()
		k.documents()
	}
	k.process(ctx)
	k.certificates()
	k.publicURL(ctx)
	k.mirrors(ctx)
	k.targets(ctx)
	k.mail(ctx)
	return k.found
}

// A checker looks and collects.
type checker struct {
	Config
	cfg     config.Config
	d       datafolder.Folder
	chain   *keys.Chain
	servers *serverlist.List // as published here; nil: none that holds
	list    *serverlist.List // of mirrors; the same
	http    *http.Client
	running bool
	found   []Finding
}

func (k *checker) add(level Level, subject, where, text, remedy string) {
	k.found = append(k.found, Finding{level, subject, where, oneLine(text), remedy})
}

// oneLine joins the lines of an error.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// configuration reports false if nothing else can be looked at.
func (k *checker) configuration() bool {
	var err error
	if k.File != "" {
		k.cfg, err = config.LoadFile(k.File, k.Data)
	} else {
		k.cfg, err = config.Load(k.Data)
	}
	k.d = datafolder.Folder(k.cfg.Data)
	where := k.File
	if where == "" {
		where = datafolder.Folder(k.Data).ConfigFile()
	}
	if none := new(datafolder.NoRootError); errors.As(err, &none) {
		k.add(Bad, "configuration", where, err.Error(), "Nothing else was looked at.")
		return false
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			k.add(Bad, "configuration", where, line, "Put this right first; nothing else was looked at. \"metaserver root config\" prints every setting.")
		}
		return false
	}
	for _, text := range k.cfg.Warnings() {
		k.add(Warning, "configuration", where, text, "")
	}
	for _, text := range k.cfg.Notes {
		k.add(Warning, "configuration", where, text, "")
	}
	k.add(Good, "configuration", where, "it can be read; the data folder is "+k.cfg.Data, "")
	return true
}

// clock compares this machine's clock with what somebody else says.
func (k *checker) clock(who string, date time.Time) {
	now := k.Now()
	if skew := now.Sub(date).Abs().Round(time.Second); skew > maxSkew {
		k.add(Warning, "clock", who, fmt.Sprintf("this machine's clock says %s, that one's %s: they are %s apart", stamp(now), stamp(date), skew),
			"Let the clock be set by NTP (timedatectl set-ntp true); if it is right, tell whoever runs the other.")
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// dateOf reads what an answer says of the time; zero if it does not.
func dateOf(h http.Header) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}

package mirror

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// A Level tells how bad a [Finding] is.
type Level string

// The levels.
const (
	Good    Level = "ok"
	Warning Level = "warning" // the mirror works
	Bad     Level = "error"   // it does not, or will not for long
)

// SubjectFreshness is the subject of findings about the age of what is
// published.
const SubjectFreshness = "freshness"

// A Finding is what one look found. Its JSON form is stable.
type Finding struct {
	Level   Level  `json:"level"`
	Subject string `json:"subject"` // "configuration", "trust", "root", "clock", "target", "public_url", "freshness", "registration"
	Where   string `json:"where,omitempty"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy,omitempty"` // what to do; may stand in Text already
}

const (
	maxSkew    = 5 * time.Minute  // between this clock and the root's
	minSpace   = 64 << 20         // bytes that should be free where a folder is
	maxCaching = 10 * time.Minute // that a web server should tell caches at most
)

// Check looks at everything that can keep a mirror from working and returns
// all that it finds, good and bad, in the order in which to put it right. It
// publishes nothing; where it tries to write, it does so beside the documents.
// A host that says nothing is given up after [Patience]. file is the
// configuration.
func Check(ctx context.Context, file string) []Finding {
	c := &checker{}
	cfg, err := ReadConfig(file)
	if err == nil {
		cfg.Targets, cfg.patience = impatient(cfg.Targets), Patience
		c.m, err = New(cfg)
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if at, ok := strings.CutPrefix(line, file+":"); ok {
				line = "line " + at
			}
			c.add(Bad, "configuration", file, line, "Put this right first; nothing else was looked at.")
		}
		return c.found
	}
	targets := "1 target"
	if n := len(cfg.Targets); n != 1 {
		targets = fmt.Sprintf("%d targets", n)
	}
	c.add(Good, "configuration", file, fmt.Sprintf("%s, root %s", targets, cfg.Root), "")
	for _, n := range cfg.Notes {
		c.add(Warning, "configuration", file, n, "")
	}
	c.r = c.m.newRun()
	defer c.r.visits.Wait()
	c.r.readTargets(ctx, 0)
	c.root(ctx)
	c.trust()
	tried := try(ctx, c.m.cfg.Targets, func(i int) bool { return c.r.held[i] != nil })
	for i := range cfg.Targets {
		c.target(i)
		c.writing(i, tried[i])
		c.public(ctx, i)
	}
	c.registration()
	return c.found
}

type checker struct {
	m     *Mirror
	r     *run
	found []Finding
}

func (c *checker) add(level Level, subject, where, text, remedy string) {
	c.found = append(c.found, Finding{level, subject, where, text, remedy})
}

// remedyOf says what to do where the root does not answer.
func remedyOf(err error) string {
	if wrong := (x509.CertificateInvalidError{}); errors.As(err, &wrong) && wrong.Reason == x509.Expired {
		return "Is the clock of this machine right (timedatectl)? If it is, the root's admins have to renew the certificate."
	}
	return "Is the root running, is the URL in the configuration the one that its admin gave you, and does this machine reach the Internet?"
}

// root asks for everything that a run asks for, and for the time.
func (c *checker) root(ctx context.Context) {
	where := c.m.cfg.Root
	date, err := c.date(ctx)
	if err != nil {
		c.add(Bad, "root", where, err.Error(), remedyOf(err)+" What is published stays meanwhile.")
		return
	}
	c.clock(date)
	c.r.askRoot(ctx)
	for _, e := range c.r.report.Root.Errors {
		c.add(Bad, "root", where, e, rootRemedy(e))
	}
	notes := c.r.report.Root.Notes
	serves := fmt.Sprintf("it serves server.list %d and mirror.list %d, verified", c.r.served[publish.ServerList], c.r.served[publish.MirrorList])
	switch {
	case len(c.r.report.Root.Errors) > 0:
		for _, n := range notes {
			c.add(Warning, "root", where, n, "Tell the root's admins, if it stays so.")
		}
	case len(notes) > 0:
		c.add(Warning, "root", where, serves+"; "+strings.Join(notes, "; "), "Tell the root's admins, if it stays so.")
	default:
		c.add(Good, "root", where, serves, "")
	}
}

// rootRemedy tells where to look first when a root does not serve its lists.
func rootRemedy(wrong string) string {
	if strings.Contains(wrong, "HTML") {
		return "Open the URL in a browser: does the network want a login first, is this the URL that the root's admin gave you? What is published stays."
	}
	return "Tell the root's admins, if it stays so; what is published stays."
}

// date returns what the root's web server takes for the time; zero if it does
// not say.
func (c *checker) date(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	url, err := serverlist.DocumentURL(c.m.cfg.Root, publish.ServerList)
	if err != nil {
		return time.Time{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return time.Time{}, err
	}
	resp, err := c.m.fetcher.HTTP.Do(req)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return time.Time{}, fmt.Errorf("%s: it said nothing for %v", url, Patience)
	}
	if err != nil {
		return time.Time{}, err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return time.Time{}, fmt.Errorf("%s answers %s, as the admin listener of a root does: write the URL of its public listener (by default http://127.0.0.1:7480)", url, resp.Status)
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		date = time.Time{}
	}
	return date, nil
}

func (c *checker) clock(date time.Time) {
	if date.IsZero() {
		return
	}
	now := c.m.cfg.Now()
	switch skew := now.Sub(date).Abs().Round(time.Second); {
	case skew > maxSkew:
		c.add(Bad, "clock", "", fmt.Sprintf("this machine's clock says %s, the root's %s: they are %s apart", now.UTC().Format(time.RFC3339), date.UTC().Format(time.RFC3339), skew),
			"Let the clock be set by NTP (timedatectl set-ntp true); if it is right, tell the root's admins.")
	default:
		c.add(Good, "clock", "", fmt.Sprintf("%s from the root's", skew), "")
	}
}

func (c *checker) trust() {
	pinned, newest := c.m.pinned.Newest(), c.r.chain.Newest()
	text := fmt.Sprintf("document %d of %s is pinned, %d is the newest", pinned.Version, pinned.Origin, newest.Version)
	if len(c.r.report.Root.Errors) > 0 || len(c.r.served) == 0 {
		text += " that is known; the root was not heard"
	}
	if c.m.cfg.Now().After(newest.ReviewBy) {
		c.add(Warning, "trust", "", text+fmt.Sprintf("; it was to be reviewed by %s", newest.ReviewBy.UTC().Format(time.DateOnly)), "Ask the root's admins whether they still look after it.")
		return
	}
	c.add(Good, "trust", "", text, "")
}

// target says what a target holds, and how old that is.
func (c *checker) target(i int) {
	t, h := c.m.cfg.Targets[i], c.r.held[i]
	where := t.String()
	if h == nil {
		c.add(Bad, "target", where, c.r.unread[i], "The error says where to look; \"metaserver mirror once\" tries again.")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(h.Refused)) {
		c.add(Bad, "target", where, fmt.Sprintf("%s is there and does not verify: %v", name, h.Refused[name]), "\"metaserver mirror once\" replaces it. If it comes back, something else writes there, or the host changes files.")
	}
	c.space(t.Target, where)
	if h.Servers == nil || h.Mirrors == nil {
		c.add(Bad, "target", where, "it can be read, and does not hold both lists", "Run \"metaserver mirror once\".")
		return
	}
	text := fmt.Sprintf("holds server.list %d, mirror.list %d", h.Servers.Head.Version, h.Mirrors.Head.Version)
	if trust := h.HeldTrust(); trust > 0 {
		text += fmt.Sprintf(", trust %d", trust)
	} else {
		text += " and no trust document"
	}
	if newer(c.r.servers, h.Servers) || newer(c.r.mirrors, h.Mirrors) {
		c.add(Warning, "target", where, text+", and there is news", "Run \"metaserver mirror once\". If this stays, is the timer active (systemctl list-timers, crontab -l)?")
	} else {
		c.add(Good, "target", where, text, "")
	}
	c.freshness(where, c.m.age(h.Servers, h.Mirrors))
}

func newer(a, b *serverlist.List) bool { return a != nil && a.Compare(b) > 0 }

func (c *checker) freshness(where string, a age) {
	const remedy = "If the root serves nothing newer, tell its admins; else run \"metaserver mirror once\" and look at the timer."
	until := a.freshUntil.UTC().Format(time.RFC3339)
	switch a.at(c.m.cfg.Now()) {
	case Stale:
		c.add(Bad, SubjectFreshness, where, "what is published is stale since "+until, remedy)
	case Expiring:
		c.add(Warning, SubjectFreshness, where, "what is published is about to be stale, at "+until, remedy)
	default:
		c.add(Good, SubjectFreshness, where, "fresh until "+until, "")
	}
}

// space looks at the disk of a folder; nothing is known of other targets.
func (c *checker) space(t publish.Target, where string) {
	folder, ok := t.(publish.Folder)
	if !ok {
		return
	}
	if free, known := freeSpace(folder.Path); known && free < minSpace {
		c.add(Warning, "target", where, fmt.Sprintf("%d MiB are free on its disk", free>>20), "Make room; a new edition is written beside the old one before it takes its place.")
	}
}

// writing says whether a target that could be read can be written to.
func (c *checker) writing(i int, err error) {
	where := c.m.cfg.Targets[i].String()
	switch {
	case c.r.held[i] == nil: // was not tried
	case err == nil:
		c.add(Good, "target", where, "it can be written to", "")
	case err == publish.ErrUntried:
		c.add(Good, "target", where, "whether it can be written to is seen when push runs: nothing else tells", "")
	case errors.Is(err, publish.ErrUntried):
		c.add(Warning, "target", where, err.Error(), "\"metaserver mirror once\" tells, when there is news.")
	default:
		c.add(Bad, "target", where, "it can be read, and a trial file cannot be written: "+err.Error(),
			"No news can be published there. What is published stays; put this right before it is stale.")
	}
}

// public compares what players get with what the target holds.
func (c *checker) public(ctx context.Context, i int) {
	t, h := c.m.cfg.Targets[i], c.r.held[i]
	if t.PublicURL == "" {
		c.add(Warning, "public_url", t.String(), "there is no public_url, so it is not known whether players can fetch what is published", "Add public_url = \"http://...\" to the [[target]].")
		return
	}
	if h == nil || h.Servers == nil || h.Mirrors == nil {
		return // the target says why
	}
	docs := publish.Documents{Trust: h.Trust, Mirrors: h.Mirrors, Servers: h.Servers}
	if err := publish.CheckPublicWithin(ctx, t.PublicURL, docs, Patience); err != nil {
		c.add(Bad, "public_url", t.PublicURL, err.Error(), "")
		return
	}
	c.add(Good, "public_url", t.PublicURL, "it serves what the target holds", "")
	c.headers(ctx, t.PublicURL)
}

// headers looks at how the server list is served.
func (c *checker) headers(ctx context.Context, base string) {
	list, err := serverlist.DocumentURL(base, publish.ServerList)
	if err != nil {
		return
	}
	resp, crlf, err := getHeaders(ctx, list)
	if err != nil {
		return // publish.CheckPublic has just fetched it
	}
	from, err := url.Parse(list)
	switch to := resp.Request.URL; {
	case err != nil || *to == *from:
	case strings.EqualFold(to.Host, c.rootHost()) && !strings.EqualFold(from.Host, to.Host):
		c.add(Bad, "public_url", base, "it redirects to the root, "+to.String(), "Let the web server send the files of the target. A mirror that only redirects is away whenever the root is, and the root does not list it.")
	default:
		c.add(Warning, "public_url", base, "it redirects to "+resp.Request.URL.String(), "Write the URL that it leads to. If plain http leads to https, consider serving both: the lists are signed, and old systems lack today's certificates.")
	}
	if crlf {
		c.add(Warning, "public_url", base, "line ends arrive as CRLF; clients cope", "Let the host transfer files as they are (binary).")
	}
	switch kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); kind {
	case "", "text/plain", "application/octet-stream":
	default:
		c.add(Warning, "public_url", base, "server.list is served as "+kind, "Let the web server send text/plain for .list and .trust; proxies may change what looks like something else.")
	}
	if age := maxAge(resp.Header.Get("Cache-Control")); age > maxCaching {
		c.add(Warning, "public_url", base, fmt.Sprintf("caches may keep the list for %s (Cache-Control: %s)", age, resp.Header.Get("Cache-Control")), "Let the web server send Cache-Control: no-cache, or max-age=60.")
	}
}

// rootHost returns the host of the root's URL, which was checked.
func (c *checker) rootHost() string {
	u, err := url.Parse(c.m.cfg.Root)
	if err != nil {
		return ""
	}
	return u.Host
}

// registration looks for the public URLs in the newest mirror list.
func (c *checker) registration() {
	if c.r.mirrors == nil {
		return
	}
	for _, t := range c.m.cfg.Targets {
		if t.PublicURL == "" {
			continue
		}
		if listedIn(c.r.mirrors, t.PublicURL) {
			c.add(Good, "registration", t.PublicURL, "the root's mirror list names it", "")
		} else {
			c.add(Warning, "registration", t.PublicURL, "the root's mirror list does not name it, so no client comes here",
				"Register it (\"metaserver mirror register --help\"), or wait for an admin's decision.")
		}
	}
}

func listedIn(list *serverlist.List, url string) bool {
	for _, m := range list.Mirrors {
		for _, u := range m.URLs {
			if strings.TrimSuffix(u, "/") == strings.TrimSuffix(url, "/") {
				return true
			}
		}
	}
	return false
}

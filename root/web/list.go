package web

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Sizes of the list's pages.
const (
	PerPage  = 100 // servers
	MaxQuery = 100 // bytes of a search
)

// A Catalogue is one edition of the server list, ready to be shown. It shows
// what was verified and nothing else. It is safe for concurrent use.
type Catalogue struct {
	list   *serverlist.List
	sum    string
	folded func() []string // what is searched of each server
}

// NewCatalogue returns the catalogue of a verified server list.
func NewCatalogue(l *serverlist.List) *Catalogue {
	c := &Catalogue{list: l, sum: fmt.Sprintf("%x", sha256.Sum256(l.Bytes()))}
	c.folded = sync.OnceValue(c.fold)
	return c
}

// Pages is how many pages the whole list has, at least one.
func (c *Catalogue) Pages() int { return pagesOf(len(c.list.Servers)) }

func pagesOf(n int) int { return max(1, (n+PerPage-1)/PerPage) }

// Age says how old the edition is, in the words of its pages.
func (c *Catalogue) Age(now time.Time) string { return Age(now.Sub(c.list.Head.Issued)) }

// Changing is what a page of the catalogue says that another moment would say
// differently.
func (c *Catalogue) Changing(v ListView) string {
	return fmt.Sprint(c.Age(v.Now), c.list.Freshness(v.Now), v.Documents, v.TrustSHA256)
}

// A ListView is what one page of the list is made from.
type ListView struct {
	Page
	URL         string // of the root as the world sees it
	TrustSHA256 string // of the newest trust document
	Documents   []Document
	Query       string // "": all servers
	Number      int    // of the page, from 1
	Now         time.Time
}

// A Document is something published that a page links to.
type Document struct {
	Name    string // path below the root's URL
	Version int64
	Bytes   int
}

// Size says how large the document is.
func (d Document) Size() string { return size(d.Bytes) }

// listData is what the template shows.
type listData struct {
	ListView
	Edition *editionData
	Found   string
	Servers []serverData
	Pages   int
	Links   []pageLink
}

type editionData struct {
	Version, Trust               int64 // of the list; number of the trust document
	Issued, FreshUntil, OldAfter time.Time
	Age, Freshness               string
	FreshnessText, SHA256        string
	Signers                      []string
}

type serverData struct{ *serverlist.Server }

// WebsiteHost is what a link to the website says.
func (s serverData) WebsiteHost() string {
	if u, err := url.Parse(s.Website); err == nil && u.Host != "" {
		return u.Host
	}
	return s.Website
}

type pageLink struct {
	URL, Label, Rel string
	Here            bool
}

// EmptyList makes the page of a root that has published nothing yet.
func EmptyList(v ListView) ([]byte, error) {
	return render("list", listData{ListView: v, Found: "There are no servers yet."})
}

// List makes one page of the list, or of what a search finds in it. nil: there
// is no page of this number.
func (c *Catalogue) List(v ListView) ([]byte, error) {
	found := c.search(v.Query)
	d := listData{ListView: v, Edition: c.edition(v.Now), Pages: pagesOf(len(found))}
	if v.Number < 1 || v.Number > d.Pages {
		return nil, nil
	}
	d.Found = foundText(len(found), len(c.list.Servers), v.Query != "")
	for _, i := range found[(v.Number-1)*PerPage : min(v.Number*PerPage, len(found))] {
		d.Servers = append(d.Servers, serverData{&c.list.Servers[i]})
	}
	d.Links = links(v.Query, v.Number, d.Pages)
	return render("list", d)
}

func foundText(found, all int, searched bool) string {
	switch {
	case all == 0:
		return "The list is empty."
	case !searched && all == 1:
		return "One server."
	case !searched:
		return fmt.Sprintf("%d servers.", all)
	}
	return fmt.Sprintf("%d of %d servers found.", found, all)
}

func (c *Catalogue) edition(now time.Time) *editionData {
	h := &c.list.Head
	e := &editionData{
		Version: h.Version, Trust: h.Trust, Issued: h.Issued, FreshUntil: h.FreshUntil, OldAfter: h.OldAfter,
		Age: c.Age(now), SHA256: c.sum, Freshness: string(c.list.Freshness(now)),
	}
	switch c.list.Freshness(now) {
	case serverlist.Fresh:
		e.FreshnessText = "fresh: it is what the root says now"
	case serverlist.Stale:
		e.FreshnessText = "stale: the root should have issued a newer one"
	default:
		e.FreshnessText = "old: nobody should rely on it"
	}
	for _, k := range c.list.Signers {
		e.Signers = append(e.Signers, k.String())
	}
	return e
}

// search returns the indices of the servers that have all words of a query.
func (c *Catalogue) search(query string) []int {
	words := strings.Fields(strings.ToLower(query))
	var found []int
	if len(words) == 0 {
		found = make([]int, len(c.list.Servers))
		for i := range found {
			found[i] = i
		}
		return found
	}
	for i, text := range c.folded() {
		if hasAll(text, words) {
			found = append(found, i)
		}
	}
	return found
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// fold makes what is searched. Lists that nobody searches cost nothing.
func (c *Catalogue) fold() []string {
	out := make([]string, len(c.list.Servers))
	for i := range c.list.Servers {
		s := &c.list.Servers[i]
		parts := []string{s.ID, s.Name, s.Description, s.Game, s.Version, s.Region, s.Website}
		parts = append(append(append(parts, s.Addresses...), s.Languages...), s.Tags...)
		out[i] = strings.ToLower(strings.Join(parts, "\n"))
	}
	return out
}

// links leads to the first and the last page and to those around this one.
func links(query string, number, pages int) []pageLink {
	link := func(n int, label, rel string) pageLink {
		v := url.Values{}
		if query != "" {
			v.Set("q", query)
		}
		v.Set("page", strconv.Itoa(n))
		return pageLink{URL: "./?" + v.Encode(), Label: label, Rel: rel, Here: n == number && rel == ""}
	}
	var out []pageLink
	if number > 1 {
		out = append(out, link(number-1, "Previous", "prev"))
	}
	last := 0
	for n := 1; n <= pages; n++ {
		if n == 1 || n == pages || n >= number-2 && n <= number+2 {
			label := strconv.Itoa(n)
			if n > last+1 {
				label = "… " + label
			}
			out = append(out, link(n, label, ""))
			last = n
		}
	}
	if number < pages {
		out = append(out, link(number+1, "Next", "next"))
	}
	return out
}

package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	connectTimeout = 5 * time.Second
	publicSilence  = 30 * time.Second // until a host begins to answer
	trustTimeout   = 30 * time.Second // for one trust document
)

// CheckPublic fetches every document of a set, whole, from where players find it
// and compares it with what was published. base follows the rule of
// [serverlist.DocumentURL]. A newer edition is as good: another job may serve
// the same host. The error names the URL and what to look at.
func CheckPublic(ctx context.Context, base string, docs Documents) error {
	return CheckPublicWithin(ctx, base, docs, publicSilence)
}

// CheckPublicWithin is CheckPublic with another time for the silence of the
// host before each document, than the half minute that it is given otherwise.
func CheckPublicWithin(ctx context.Context, base string, docs Documents, silence time.Duration) error {
	c := newPublicCheck(base, docs.Trust, silence)
	for _, d := range []struct {
		name string
		list *serverlist.List
	}{{ServerList, docs.Servers}, {MirrorList, docs.Mirrors}} {
		if d.list == nil {
			continue
		}
		if err := c.list(ctx, d.name, d.list); err != nil {
			return fmt.Errorf("published, but public_url does not serve it: %w", err)
		}
	}
	for _, doc := range docs.Trust.Documents() {
		if err := c.trust(ctx, doc); err != nil {
			return fmt.Errorf("published, but public_url does not serve it: %w", err)
		}
	}
	return nil
}

type publicCheck struct {
	base    string
	chain   *keys.Chain
	client  *http.Client
	fetcher *serverlist.Fetcher
}

// newPublicCheck makes clients that remember nothing between two checks and
// keep no connection.
func newPublicCheck(base string, chain *keys.Chain, silence time.Duration) *publicCheck {
	client := &http.Client{Transport: uncached{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: silence,
		DisableKeepAlives:     true,
	}}}
	return &publicCheck{base, chain, client, &serverlist.Fetcher{HTTP: client, Pinned: []string{base}, Tuning: serverlist.Tuning{Head: silence}}}
}

// uncached asks caches on the way to look whether their copy is current.
type uncached struct{ next http.RoundTripper }

func (u uncached) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Pragma", "no-cache")
	return u.next.RoundTrip(req)
}

// list fetches the whole list: a host may serve the right head over a body
// that it changed.
func (c *publicCheck) list(ctx context.Context, name string, published *serverlist.List) error {
	url, err := serverlist.DocumentURL(c.base, name)
	if err != nil {
		return err
	}
	want := serverlist.Want{Origin: c.chain.Origin(), Type: published.Head.Type}
	got, err := c.fetcher.List(ctx, url, want, c.chain, nil)
	switch {
	case err != nil:
		return fmt.Errorf("%w. %s", err, advice(err))
	case got.Same(published) || got.Compare(published) > 0:
		return nil
	case got.Compare(published) < 0:
		return fmt.Errorf("%s: it serves edition %d, published is %d. %s", url, got.Head.Version, published.Head.Version, adviceOlder)
	default:
		return fmt.Errorf("%s: %w", url, &EquivocationError{Name: name, Held: got.Text(), Given: published.Text()})
	}
}

const (
	adviceFolder  = "Does the web server serve the folder that the target names, and does public_url end as it should (\"/\" for a folder)?"
	adviceOlder   = "Either a cache in front of the web server keeps an old copy (let it keep these files for a minute at most), or the web server serves another folder than the target names."
	adviceChanged = "The host answers with something else than the file: a login page, an error page, a folder index, or a filter for a MIME type; it must serve the files as they are."
	adviceServer  = "Is the web server running and public_url right?"
	adviceRights  = "Often the web server may not read what was uploaded: then files need the rights 644 and folders 755, and new ones get them if the umask of the account is 022, which the host can set. Or the folder is behind a login."
)

// advice turns what came of a request into what to look at.
func advice(err error) string {
	var fe *serverlist.FetchError
	if !errors.As(err, &fe) {
		return adviceServer
	}
	switch {
	case strings.HasPrefix(fe.Detail, "HTTP 403 "):
		return adviceRights
	case fe.Outcome == serverlist.OutcomeAbsent:
		return adviceFolder
	case fe.Outcome == serverlist.OutcomeRefused:
		return adviceChanged
	default:
		return adviceServer
	}
}

func (c *publicCheck) trust(ctx context.Context, doc *keys.Trust) error {
	url, err := serverlist.DocumentURL(c.base, TrustName(doc.Version))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, trustTimeout)
	defer cancel()
	status, data, err := c.get(ctx, url)
	switch {
	case err != nil:
		return fmt.Errorf("%w. %s", err, adviceServer)
	case status == http.StatusForbidden:
		return fmt.Errorf("%s: HTTP %d, though the lists are there. Does the web server serve files that end in \".trust\", and may it read the folder trust/? %s", url, status, adviceRights)
	case status == http.StatusNotFound:
		return fmt.Errorf("%s: HTTP %d, though the lists are there. Does the web server serve the folder trust/ and files that end in \".trust\"?", url, status)
	case status != http.StatusOK:
		return fmt.Errorf("%s: HTTP %d. %s", url, status, adviceServer)
	case !bytes.Equal(data, doc.Bytes()):
		return fmt.Errorf("%s: it is not the document that was published. %s", url, adviceChanged)
	}
	return nil
}

// get returns the answer with LF line ends, cut where no trust document is
// that long.
func (c *publicCheck) get(ctx context.Context, url string) (status int, data []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxTrustDoc))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", url, err)
	}
	if data, err = keys.NormalizeLines(raw); err != nil {
		data = raw // a lone CR: not what was published, whatever it is
	}
	return resp.StatusCode, data, nil
}

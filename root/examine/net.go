package examine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/certificate"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// process finds out whether the root runs and says that it is ready, or, if it
// does not run, whether it could listen.
func (k *checker) process(ctx context.Context) {
	pid, served := datafolder.Served(k.d)
	k.running = served
	if !k.running {
		k.add(Warning, "root", "", "no root runs on this data folder", "Start it: systemctl start metaserver-root, or \"metaserver root serve\".")
		k.ports()
		return
	}
	body, err := k.ready(ctx)
	switch {
	case err != nil:
		k.add(Warning, "root", k.cfg.AdminListen, fmt.Sprintf("it runs (pid %d), and its admin listener does not answer here: %v", pid, err), "Was it started with other flags or with sockets of systemd? Then all may be well.")
	case body != "":
		k.add(Bad, "root", k.cfg.AdminListen, "it runs and is not ready: "+body, "Its log says more.")
	default:
		k.add(Good, "root", k.cfg.AdminListen, "it runs and is ready", "")
	}
}

// ready asks the admin listener; body is what it misses, "" if nothing.
func (k *checker) ready(ctx context.Context) (body string, err error) {
	scheme := "http"
	client := k.http
	if k.cfg.AdminTLS != nil {
		scheme = "https"
		// The name in the certificate is not this address; nothing secret is sent.
		client = &http.Client{Timeout: answerWait, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	}
	host, port, err := net.SplitHostPort(k.cfg.AdminListen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode == http.StatusOK:
		return "", nil
	case resp.StatusCode == http.StatusServiceUnavailable:
		return strings.TrimSpace(string(text)), nil
	}
	return "", fmt.Errorf("something else answers there: %s", resp.Status)
}

// ports tries whether the root could listen where it is told to.
func (k *checker) ports() {
	addresses := []string{k.cfg.AdminListen}
	if k.cfg.Listen != config.ListenNone {
		addresses = append(addresses, k.cfg.Listen)
	}
	if k.cfg.TLS != nil && k.cfg.TLS.ListenHTTP != "" {
		addresses = append(addresses, k.cfg.TLS.ListenHTTP)
	}
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			k.taken(a, err)
			continue
		}
		l.Close()
		k.add(Good, "listener", a, "it is free", "")
	}
}

// certificates looks at the files of those that come from files.
func (k *checker) certificates() {
	k.certificate(config.DoorPublic, k.cfg.TLS)
	k.certificate(config.DoorAdmin, k.cfg.AdminTLS)
}

func (k *checker) certificate(listener string, t *config.TLS) {
	if t == nil || len(t.ACMENames) > 0 {
		return
	}
	pair, err := certificate.Load(t.CertificateFile, t.KeyFile)
	if err != nil {
		k.add(Bad, "certificate", listener, err.Error(), "")
		return
	}
	const renew = "Renew it; a running root reads it again by itself."
	leaf, now := pair.Leaf, k.Now()
	text := "it is valid until " + stamp(leaf.NotAfter)
	switch {
	case now.After(leaf.NotAfter), now.Before(leaf.NotBefore):
		k.add(Bad, "certificate", t.CertificateFile, fmt.Sprintf("it is valid from %s until %s, and not now", stamp(leaf.NotBefore), stamp(leaf.NotAfter)), renew)
	case certificate.Expiring(leaf.NotBefore, leaf.NotAfter, now):
		k.add(Warning, "certificate", t.CertificateFile, text, renew)
	default:
		k.add(Good, "certificate", t.CertificateFile, text, "")
	}
	k.certificateName(listener, t.CertificateFile, leaf)
}

func (k *checker) certificateName(listener, file string, leaf *x509.Certificate) {
	public, err := url.Parse(k.cfg.PublicURL)
	if err != nil || listener != config.DoorPublic || public.Scheme != "https" {
		return
	}
	if err := leaf.VerifyHostname(public.Hostname()); err != nil {
		k.add(Bad, "certificate", file, err.Error(), "Get a certificate for the host of public_url.")
	}
}

// publicURL compares what the world gets with what lies in the public folder.
func (k *checker) publicURL(ctx context.Context) {
	base := k.cfg.PublicURL
	if base == "" {
		k.add(Warning, "public_url", "", "there is none: the mirror list has no entry of the root, and it is not known whether the world reaches it", "Set public_url in root.toml.")
		return
	}
	if k.chain == nil || k.servers == nil || k.list == nil {
		return // the documents say why
	}
	resp, err := k.ask(ctx, http.MethodHead, base+"server.list")
	if err != nil {
		if wrong := (x509.CertificateInvalidError{}); errors.As(err, &wrong) && wrong.Reason == x509.Expired {
			k.add(Bad, "public_url", base, err.Error(), "Is the clock of this machine right (timedatectl)? If it is, renew the certificate.")
			return
		}
		k.add(Bad, "public_url", base, err.Error(), "Is the root (or the target) running, does the name lead here, and do the firewall and the proxy let it through? A network that cannot reach itself by its public address needs a look from outside.")
		return
	}
	if date := dateOf(resp.Header); !date.IsZero() {
		k.clock(base, date)
	}
	docs := publish.Documents{Trust: k.chain, Mirrors: k.list, Servers: k.servers}
	if err := publish.CheckPublic(ctx, base, docs); err != nil {
		k.add(Bad, "public_url", base, strings.TrimPrefix(err.Error(), "published, but "), "Does the proxy cache for longer than a minute, or lead to another machine?")
	} else {
		k.add(Good, "public_url", base, "it serves what is published here", "")
	}
	k.exposed(ctx, base)
}

// exposed tells whether the world reaches the admin listener.
func (k *checker) exposed(ctx context.Context, base string) {
	resp, err := k.ask(ctx, http.MethodGet, base+"api/v1/admin/lists")
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		k.add(Bad, "public_url", base, "the world reaches the admin listener there ("+resp.Status+" to a request for api/v1/admin)", "Let the proxy pass to the public listener alone, and keep the admin listener on loopback.")
	}
}

// ask returns the head of an answer.
func (k *checker) ask(ctx context.Context, method, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}

// mirrors asks every listed mirror whether it is there, and for the time.
func (k *checker) mirrors(ctx context.Context) {
	if k.list == nil {
		return
	}
	others := slices.DeleteFunc(slices.Clone(k.list.Mirrors), func(m serverlist.Mirror) bool { return m.Root || len(m.URLs) == 0 })
	heads, errs := make([]http.Header, len(others)), make([]error, len(others))
	var g errgroup.Group
	g.SetLimit(maxMirrorsAsk)
	for i, m := range others {
		g.Go(func() error {
			heads[i], errs[i] = k.askMirror(ctx, m.URLs[0])
			return nil
		})
	}
	g.Wait()
	well := 0
	for i, m := range others {
		if errs[i] != nil {
			k.add(Warning, "mirrors", m.ID, errs[i].Error(), "If it stays so, the list leaves it out by itself; write to its operator (\"metaserver admin mirrors\").")
			continue
		}
		well++
		if date := dateOf(heads[i]); !date.IsZero() {
			k.clock("mirror "+m.ID, date)
		}
	}
	switch {
	case len(others) == 0:
		k.add(Warning, "mirrors", "", "the list names no mirror: when this machine is away, players depend on their caches", "Ask volunteers to run \"metaserver mirror setup\".")
	case well > 0:
		k.add(Good, "mirrors", "", fmt.Sprintf("%d of %d answer", well, len(others)), "")
	}
}

// askMirror returns the head of a mirror's server list.
func (k *checker) askMirror(ctx context.Context, base string) (http.Header, error) {
	list, err := serverlist.DocumentURL(base, publish.ServerList)
	if err != nil {
		return nil, err
	}
	resp, err := k.ask(ctx, http.MethodHead, list)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("it answers " + resp.Status)
	}
	return resp.Header, nil
}

// targets reads back what each target holds.
func (k *checker) targets(ctx context.Context) {
	for _, t := range k.cfg.Targets {
		if k.chain != nil {
			k.target(ctx, t.Target)
		}
	}
}

func (k *checker) target(ctx context.Context, t publish.Target) {
	ctx, cancel := context.WithTimeout(ctx, 4*answerWait)
	defer cancel()
	h, err := publish.ReadBack(ctx, t, k.chain)
	switch {
	case err != nil:
		k.add(Bad, "target", t.String(), err.Error(), "The error says where to look; a running root tries again by itself.")
	case h.Servers == nil || h.Mirrors == nil:
		k.add(Bad, "target", t.String(), "it can be read, and does not hold both lists", "A running root writes them; \"metaserver admin targets\" shows its last error.")
	case k.servers != nil && k.servers.Compare(h.Servers) > 0:
		k.add(Warning, "target", t.String(), fmt.Sprintf("it holds server.list %d, and %d is published here", h.Servers.Head.Version, k.servers.Head.Version), "A running root brings it there; \"metaserver admin targets\" shows its last error.")
	default:
		k.add(Good, "target", t.String(), fmt.Sprintf("it holds server.list %d, mirror.list %d, trust %d", h.Servers.Head.Version, h.Mirrors.Head.Version, h.HeldTrust()), "")
	}
}

// mail connects to the mail server and logs in; nothing is sent.
func (k *checker) mail(ctx context.Context) {
	if k.cfg.Mail == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	conn, err := k.cfg.Mail.Server.Dial(ctx)
	if err != nil {
		k.add(Bad, "mail", k.cfg.Mail.Server.Host, err.Error(), "Messages wait for up to three days. Are host, tls, user and password_file in [mail] right?")
		return
	}
	conn.Close()
	k.add(Good, "mail", k.cfg.Mail.Server.Host, "it answers and lets the root in", "")
}

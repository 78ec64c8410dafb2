package config

import (
	"net"
	"net/netip"
	"net/url"
)

// Warnings are sentences about a configuration that is most likely wrong.
func (c *Config) Warnings() (all []string) {
	if w := c.proxyWarning(); w != "" {
		all = append(all, w)
	}
	if c.Listen != ListenNone {
		return all
	}
	if len(c.Targets) == 0 {
		all = append(all, `there is no public listener and no [[target]], so that what is published gets no further than the folder public on this machine`)
	}
	if c.PublicURL == "" {
		all = append(all, `there is no public listener and no public_url, so that the mirror list has no entry of the root: set public_url to where the world finds a target`)
	}
	return all
}

// proxyWarning says what goes wrong when a proxy on this machine, of which the
// configuration knows nothing, passes the world's requests on; "": there is
// none, as far as can be told.
func (c *Config) proxyWarning() string {
	public, err := url.Parse(c.PublicURL)
	if c.PublicURL == "" || err != nil || isLoopbackHost(public.Hostname()) {
		return ""
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || !isLoopbackHost(host) || len(c.TrustedProxies) > 0 || c.LimitLoopback {
		return ""
	}
	return `public_url is for the world and the public listener on loopback, so a proxy on this machine passes requests on, and root.toml names none. ` +
		`If it adds no X-Forwarded-For, everybody counts as this machine: without a limit, and free to register private addresses; if it does, all the world counts as one source. ` +
		`Set trusted_proxies = ["127.0.0.1", "::1"] in root.toml, and let the proxy add the header (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;)`
}

func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost"
}

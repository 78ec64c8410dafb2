package config

import (
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
)

// WriteTemplate writes a root.toml in which every setting stands with its
// default and its meaning. An origin of "" is an example; a public URL of "" is
// not set.
func WriteTemplate(w io.Writer, origin, publicURL string) error {
	if origin == "" {
		origin = "ms.example.org"
	}
	return configText.Execute(w, struct{ Origin, PublicURL string }{origin, publicURL})
}

// configText is root.toml as a new root has it. The names are those of
// file; a test wants each of them here.
//
// A line that begins with "#" and no space is a setting that is not set: it
// takes effect when the "#" is removed. The tables stand below the settings of
// the top and are all left out, so that whoever appends a line at the end of the
// top knows where that is.
var configText = template.Must(template.New("root.toml").Funcs(template.FuncMap{"targets": targetTables}).Parse(`# Configuration of a metaserver root. It is read when the root starts. Flags of
# "metaserver root serve" win; the environment is not asked. Unknown names are
# refused. Every setting there is stands here, with its default: a line that
# begins with "#" and no space takes effect when the "#" is removed.

# The name of this directory of servers, signed into every document. It never
# changes, not even when the domain does; it is checked against the trust
# document.
origin = {{printf "%q" .Origin}}

# The URL under which the world reaches the public listener. It becomes the
# root's entry in the mirror list and begins the links sent to requesters.
# Without it, clients need --root and links are relative.
{{if .PublicURL}}public_url = {{printf "%q" .PublicURL}}{{else}}#public_url = "https://ms.example.org/"{{end}}

# The data folder, for a file that lies elsewhere ("root serve --config FILE").
# Without it and without --data it is the folder of this file. Relative paths in
# this file are relative to the folder of the file.
#data = "/var/lib/metaserver"

# Listeners. listen = "none": no public connection is accepted; everything goes
# to the targets at the end of this file, public_url is where the world finds one
# of them, and registrations come by "metaserver admin register". The admin
# listener belongs on loopback; "ssh -L" reaches it. It answers to addresses, to
# localhost, and to the names in admin_hosts.
listen = "127.0.0.1:7480"
admin_listen = "127.0.0.1:7481"
admin_hosts = []

# May loopback and private addresses be registered from anywhere? Requests from
# this machine itself may register them in any case.
allow_private = false

# Registrations that wait for a decision. Beyond it the answer is 429.
queue = 20000

# New registrations that one IPv4 address or one IPv6 /64 may send in an hour;
# its network, an IPv4 /24 or an IPv6 /48, may send eight times as many.
# -1: no limit. What comes from loopback without a header that a proxy adds
# (X-Forwarded-For, X-Real-IP, Forwarded, Via) is a request of this machine
# itself: it is counted only with limit_loopback, and may register private
# addresses. A proxy that adds no header makes everybody look like that.
per_source = 20
limit_loopback = false

# Proxies in front of the public listener: addresses and prefixes, as
# ["127.0.0.1", "::1", "10.0.0.0/8"]. What they pass on comes from the last
# address in X-Forwarded-For that is not theirs, and is never this machine's own.
# Set it when a proxy on this machine serves public_url, and let it add the
# header; in nginx:
#   proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
trusted_proxies = []

# Rejected and revoked registrations are forgotten after this many days, and what
# is left of the e-mail addresses in them, and so are reports of players that were
# resolved; -1: never. What admins have noted down about a registration goes with
# it. [retention] below forgets the addresses before that.
keep_days = 90

# What the key of a listed server may change by itself, without an admin:
# ["addresses", "version", "description"] or some of them. Everything else that
# owners ask for waits. "metaserver admin allow" sets it for one entry.
signed_changes = []

# The DNS server that is asked about what requests name, as "1.1.1.1:53"; "": those
# of the system.
resolver = ""

# The log, on standard error: "text" or "json", and from which level on: "debug",
# "info", "warn" or "error". Requests of admins are logged at "info", those of the
# public, with the address that they come from, at "debug"; no secret ever is.
log_format = "text"
log_level = "info"

# What the public listener bears: connections open at once, in all and of one
# IPv4 address or IPv6 /64; its /24 or /48 may have eight times as many. The
# proxies of trusted_proxies count in all only. When all are taken, one that
# waits, or one of whoever has most, makes room for somebody new.
#[limits]
#connections = 4096
#connections_per_source = 64

# When a registration, of a server or of a mirror, needs a proof of work, some
# seconds of computing that "metaserver register" and "metaserver mirror register"
# do by themselves and the form in a browser cannot: "flood", while the queue is half
# full or more than 120 come in a minute; "always"; "off".
# It grows harder as the flood does. This machine is exempt as from per_source.
#proof_of_work = "flood"

# TLS on the public listener, if no proxy before it speaks TLS: with a certificate
# from files, or with one that an authority gives by ACME, as Let's Encrypt does.
# certificate_file holds the certificate and, after it, those of intermediate
# authorities; both files are in PEM form and read again when they change, and on
# SIGHUP. key_file may be a credential of systemd: "$CREDENTIALS_DIRECTORY/tls.key".
#
# With acme_names, host names of this machine, a certificate for each is asked for
# and renewed; account and keys are kept in the folder acme of the data folder. The
# authority must reach "listen" at its port 443, or listen_http at port 80.
# acme_accept_terms says that you accept its terms of service. acme_ca_file vouches
# for the authority's own TLS, if the system does not.
#
# listen_http is plain http beside it: "0.0.0.0:80". The documents are served there
# as well, and are not redirected to https: they are signed, and a player whose
# clock is wrong gets no TLS connection, but can verify a list. Everything else is
# sent to https, because registrations hold e-mail addresses. "": there is none.
#[tls]
#certificate_file = "tls.pem"
#key_file = "tls.key"
#acme_names = []
#acme_accept_terms = false
#acme_email = ""
#acme_directory = "https://acme-v02.api.letsencrypt.org/directory"
#acme_ca_file = "authority.pem"
#listen_http = ""

# TLS on the admin listener, from files. Without it the listener belongs on
# loopback, where "ssh -L" reaches it.
#[admin_tls]
#certificate_file = "admin.pem"
#key_file = "admin.key"

# The games whose servers may be registered, each with the name that people read.
# A request for another is refused, with the nearest of these. Without this table
# any slug is taken.
#[games]
#crossfire = "Crossfire"
#luanti = "Luanti"

# The root looks at the servers that requests name, so that an admin sees what DNS
# says and whether anything answers: once for each request, never at private
# addresses unless allow_private, and seldom twice at one host. requests = false:
# never, unless an admin asks for it.
# It looks at each listed server once in the time "entries" ("off": never). The
# owner of one that was seen silent for warn_after is told; after grace it is out
# of the list until it answers. Only games are judged for which the root has a
# probe, and those in "tcp", whose servers accept TCP connections.
#[check]
#requests = true
#entries = "6h"
#warn_after = "168h"
#grace = "720h"
#tcp = []

# The root looks at its mirrors as clients do. One that is stale or away for
# stale_grace, or serves for wrong_grace what does not verify, is left out of the
# mirror list until it has been well for well_for. Its contact is told of an
# illness that lasts for warn_after. every = "off": never.
#[watch]
#every = "30m"
#stale_grace = "48h"
#wrong_grace = "1h"
#well_for = "6h"
#warn_after = "12h"

# Addresses that requests and reports came from are forgotten after source_days,
# except in the audit log; e-mail addresses of requests that were rejected, revoked or withdrawn
# after email_days, with the notes about them. -1: never. Backups keep what they have: remove old ones.
# "metaserver admin forget" removes one person at once.
#[retention]
#source_days = 30
#email_days = 30

# Whoever asked for a server or a mirror is told what becomes of it, and whoever
# runs a mirror that it is ill; the admins are told of that, of what waits for a
# decision (at most every ten minutes), of what players report and of servers that
# do not answer (once an hour), and of what befalls the root itself. One address
# gets at most 20 messages a day about requests. Without this table nobody is
# written to. tls is "starttls", "tls" (from the first byte, mostly on port 465)
# or "none" (for a server on this machine). The password is in a file of its own,
# which may be a credential of systemd as "$CREDENTIALS_DIRECTORY/mail", or in the
# environment (password_env in place of password_file). ca_file names certificates
# to trust in place of those of the system. All but admins is as in a mirror's
# [[notify]] of type "mail".
#[mail]
#host = "mail.example.org:587"
#tls = "starttls"
#from = "ms@example.org"
#user = "ms@example.org"
#password_file = "mail.password"
# password_env = "MS_MAIL_PASSWORD"
# ca_file = "mail-ca.pem"
#admins = ["admin@example.org"]

# Programs that are told the same as the admins, and of each decision, by a POST
# of JSON. What is not taken is sent again for three days. With a secret each is
# signed as Standard Webhooks has it (Webhook-Signature: HMAC-SHA256 of id, time and
# body). url_file in place of url keeps the URL secret, and then needs a name.
# Without events all are told; "registration" means all that begin so. They are
# registration.arrived, .approved and .rejected, entry.changed, .moved, .revoked,
# .withdrawn, .transferred, .suspended, .resumed, .dead and .gone, mirror.approved,
# .rejected, .warned, .left-out, .taken-in and .forked, mirrors.ill, servers.silent,
# report.arrived, trust.published, admin.added and .removed, audit.denied, and test.
#[[webhook]]
#name = "chat"
#url = "https://example.org/hook"
#secret_file = "hook.secret"
#events = ["registration.arrived", "mirror"]

# Everything published is also brought to each target: a folder, or a static
# host. The tables are those of a mirror. A secret is one line in a file of its
# own, as here, or an environment variable named by password_env and so on.
# public_url is where the world finds what is there; it is looked at after each
# visit.
{{targets}}`))

// targetTables shows a table of each type with all its keys.
func targetTables() string {
	var b strings.Builder
	for i, name := range hosts.Types() {
		if i > 0 {
			fmt.Fprintf(&b, "\n# %s\n", hosts.About(name))
		}
		fmt.Fprintf(&b, "#[[target]]\n#type = %q\n", name)
		for _, f := range hosts.Fields(name) {
			key, value := f.Key, fmt.Sprintf("%q", f.Example)
			switch f.Kind {
			case hosts.List:
				value = fmt.Sprintf("[%q, %q]", "program", f.Example)
			case hosts.Switch:
				value = "false"
			case hosts.Secret:
				key, value = f.Key+"_file", fmt.Sprintf("%q", name+"."+f.Key)
			}
			fmt.Fprintf(&b, "#%-40s # %s%s\n", key+" = "+value, f.Question, optional(f))
		}
		fmt.Fprintf(&b, "#public_url = \"https://ms.example.org/\"\n")
	}
	return b.String()
}

func optional(f hosts.Field) string {
	if f.Required {
		return ""
	}
	return "; may be left out"
}

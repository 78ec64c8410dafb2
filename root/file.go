package root

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
)

// maxConfig is the most that is read of root.toml, in bytes.
const maxConfig = 1 << 20

// configText is root.toml as Init writes it. The names are those of
// configFile.
var configText = template.Must(template.New("root.toml").Parse(`# Configuration of a metaserver root. Flags of "metaserver root serve" win.
# It is read when the root starts. Unknown names are refused.

# The name of this directory of servers, signed into every document. It never
# changes, not even when the domain does; it is checked against the trust
# document.
origin = {{printf "%q" .Origin}}

# The URL under which the world reaches the public listener. It becomes the
# root's entry in the mirror list and begins the links sent to requesters.
# Without it, clients need --root and links are relative.
{{if .PublicURL}}public_url = {{printf "%q" .PublicURL}}{{else}}# public_url = "https://ms.example.org/"{{end}}

# Listeners. listen = "none": no public connection is accepted; everything goes
# to the targets at the end of this file, public_url is where the world finds one
# of them, and registrations come by "metaserver admin register". The admin
# listener belongs on loopback; "ssh -L" reaches it. It answers to addresses, to localhost, and to the names in admin_hosts.
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

# Rejected and revoked registrations, with their e-mail addresses, are forgotten
# after this many days; -1: never.
keep_days = 90

# The root looks at its mirrors as clients do. One that is stale or away for
# stale_grace, or serves for wrong_grace what does not verify, is left out of the
# mirror list until it has been well for well_for. every = "off": never.
# [watch]
# every = "30m"
# stale_grace = "48h"
# wrong_grace = "1h"
# well_for = "6h"
# warn_after = "12h"

# Whoever runs a mirror that is ill is written to, and so are the admins; who asked
# for a mirror is told what was decided. Without this table nobody is written to,
# and illness is only logged. tls is "starttls", "tls" (from the first byte, mostly
# on port 465) or "none" (for a server on this machine). The password is in a file
# of its own, or in the environment (password_env). ca_file names certificates to
# trust in place of those of the system. All but admins is as in a mirror's
# [[notify]] of type "mail".
# [mail]
# host = "mail.example.org:587"
# tls = "starttls"
# from = "ms@example.org"
# user = "ms@example.org"
# password_file = "mail.password"
# admins = ["admin@example.org"]

# Everything published is also brought to each target: a folder, or a static
# host. The tables are those of a mirror ("metaserver mirror --help").
# [[target]]
# type = "folder"
# path = "/srv/www/ms"
# public_url = "https://ms.example.org/"
`))

// configFile is root.toml. Absent names keep the defaults.
type configFile struct {
	Origin        string   `toml:"origin"`
	PublicURL     string   `toml:"public_url"`
	Listen        *string  `toml:"listen"`
	AdminListen   string   `toml:"admin_listen"`
	AdminHosts    []string `toml:"admin_hosts"`
	AllowPrivate  bool     `toml:"allow_private"`
	Queue         int      `toml:"queue"`
	PerSource     int      `toml:"per_source"`
	LimitLoopback bool     `toml:"limit_loopback"`
	KeepDays      int      `toml:"keep_days"`

	TrustedProxies []string `toml:"trusted_proxies"`

	Watch watchSection `toml:"watch"`

	// Packages notify and hosts read these.
	Mail   any              `toml:"mail"`
	Target []map[string]any `toml:"target"`
}

// LoadConfig reads the configuration of the root in the data folder. Errors
// name the place. The caller may change what it returns before [New].
func LoadConfig(data string) (Config, error) {
	path := folder(data).config()
	text, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, noRoot(data)
	}
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	f, err := parseConfig(path, text)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{
		Data:          data,
		Origin:        f.Origin,
		Listen:        f.listen(),
		AdminListen:   f.AdminListen,
		AdminHosts:    f.AdminHosts,
		PublicURL:     f.PublicURL,
		AllowPrivate:  f.AllowPrivate,
		Queue:         f.Queue,
		PerSource:     f.PerSource,
		LimitLoopback: f.LimitLoopback,
		KeepDays:      f.KeepDays,

		TrustedProxies: f.TrustedProxies,
	}
	cfg.Watch, cfg.WatchOff = f.Watch.policy()
	if err := cfg.readTables(path, text); err != nil {
		return Config{}, err
	}
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// A NoRootError says that a folder holds no root.
type NoRootError struct {
	Data       string // the folder
	Unfinished bool   // an init began here and did not end
}

func (e *NoRootError) Error() string {
	if e.Unfinished {
		return fmt.Sprintf("%s has a database and no root.toml. If this root has been in use, put the file back: from a backup, or a new one with the line origin = \"...\"; do not remove the folder, it holds the keys. If it is what an init that did not finish has left, remove it and run \"metaserver root init\" again", e.Data)
	}
	return fmt.Sprintf("there is no root in %s: run \"metaserver root init --data %s --origin NAME\", or name another folder", e.Data, e.Data)
}

func noRoot(data string) error {
	_, err := os.Stat(folder(data).database())
	return &NoRootError{Data: data, Unfinished: err == nil}
}

func readConfig(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxConfig)
	}
	return string(text), err
}

func parseConfig(path, text string) (configFile, error) {
	var f configFile
	meta, err := toml.Decode(text, &f)
	if place := new(toml.ParseError); errors.As(err, place) {
		return f, fmt.Errorf("%s, line %d: %s", path, place.Position.Line, firstLine(place.Message, err))
	}
	if err != nil {
		return f, fmt.Errorf("%s, %s", path, strings.TrimPrefix(err.Error(), "toml: ")) // it names the line
	}
	unknown := slices.DeleteFunc(meta.Undecoded(), func(k toml.Key) bool { return k[0] == "target" || k[0] == "mail" })
	if len(unknown) > 0 {
		name := unknown[0].String()
		return f, fmt.Errorf("%s, line %d: there is no setting %q; is it misspelt, or meant for a newer version?", path, lineOf(text, unknown[0]), name)
	}
	for name, value := range map[string]int{"queue": f.Queue, "per_source": f.PerSource, "keep_days": f.KeepDays} {
		if meta.IsDefined(name) && value == 0 {
			return f, fmt.Errorf("%s, line %d: %s = 0 would mean the default; remove the line for that, or write a number from 1 (-1: no limit, where there may be none)", path, lineOf(text, toml.Key{name}), name)
		}
	}
	return f, nil
}

func firstLine(message string, err error) string {
	if message == "" {
		message = err.Error()
	}
	line, _, _ := strings.Cut(message, "\n")
	return line
}

// lineOf finds the line that defines a key; package toml does not tell. A
// table stands in brackets, any other key before a "=".
func lineOf(text string, key toml.Key) int {
	last := key[len(key)-1]
	for i, line := range strings.Split(text, "\n") {
		name, _, _ := strings.Cut(line, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if name == last || strings.Trim(name, "[] ") == key.String() {
			return i + 1
		}
	}
	return 1
}

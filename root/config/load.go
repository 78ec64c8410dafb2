package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/signed-metaserver/metaserver/root/datafolder"
)

// MaxSize is the most that is read of root.toml, in bytes.
const MaxSize = 1 << 20

// file is root.toml. Absent names keep the defaults.
type file struct {
	Data          string   `toml:"data"`
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
	SignedChanges  []string `toml:"signed_changes"`
	Resolver       string   `toml:"resolver"`

	LogFormat string     `toml:"log_format"`
	LogLevel  slog.Level `toml:"log_level"`

	TLS      tlsSection      `toml:"tls"`
	AdminTLS adminTLSSection `toml:"admin_tls"`

	Limits    Limits       `toml:"limits"`
	Games     Games        `toml:"games"`
	Check     checkSection `toml:"check"`
	Watch     watchSection `toml:"watch"`
	Retention Retention    `toml:"retention"`

	// Packages notify and hosts read these.
	Mail    any              `toml:"mail"`
	Webhook []map[string]any `toml:"webhook"`
	Target  []map[string]any `toml:"target"`
}

// Load reads the configuration of the root in the data folder. Errors
// name the place. The caller may change what it returns before a root is made from it.
func Load(data string) (Config, error) {
	path := datafolder.Folder(data).ConfigFile()
	text, err := datafolder.ReadFile(path, MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, datafolder.NoRoot(data)
	}
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return load(path, string(text), data)
}

// LoadFile reads a configuration that lies anywhere, in place of root.toml
// in the data folder. That is data, or what the file names, or the folder of the
// file.
func LoadFile(path, data string) (Config, error) {
	text, err := datafolder.ReadFile(path, MaxSize)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	cfg, err := load(path, string(text), data)
	cfg.File = path
	return cfg, err
}

// load reads a file's text. data wins over what the file names.
func load(path, text, data string) (Config, error) {
	f, err := parse(path, text)
	if err != nil {
		return Config{}, err
	}
	if data == "" {
		data = inFolder(filepath.Dir(path), f.Data)
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
		Retention:     f.Retention,

		TrustedProxies: f.TrustedProxies,
		Limits:         f.Limits,
		SignedChanges:  f.SignedChanges,
		Resolver:       f.Resolver,
		Games:          f.Games,
		InspectOff:     f.Check.requestsOff(),

		LogFormat: f.LogFormat,
		LogLevel:  f.LogLevel,
	}
	cfg.TLS, cfg.AdminTLS = f.TLS.read(filepath.Dir(path)), f.AdminTLS.read(filepath.Dir(path))
	cfg.Watch, cfg.WatchOff = f.Watch.policy()
	cfg.Check, cfg.CheckOff = f.Check.policy()
	if err := cfg.readTables(path, text); err != nil {
		return Config{}, err
	}
	if err := cfg.Complete(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

func parse(path, text string) (file, error) {
	var f file
	meta, err := toml.Decode(text, &f)
	if place := new(toml.ParseError); errors.As(err, place) {
		return f, fmt.Errorf("%s, line %d: %s", path, place.Position.Line, firstLine(place.Message, err))
	}
	if err != nil {
		return f, fmt.Errorf("%s, %s", path, strings.TrimPrefix(err.Error(), "toml: ")) // it names the line
	}
	if err := refuseUnknown(path, text, meta.Undecoded()); err != nil {
		return f, err
	}
	for name, value := range map[string]int{
		"queue": f.Queue, "per_source": f.PerSource, "keep_days": f.KeepDays,
		"retention.source_days": f.Retention.SourceDays, "retention.email_days": f.Retention.EmailDays,
	} {
		if key := toml.Key(strings.Split(name, ".")); meta.IsDefined(key...) && value == 0 {
			return f, fmt.Errorf("%s, line %d: %s = 0 would mean the default; remove the line for that, or write a number from 1 (-1: no limit, where there may be none)", path, lineOf(text, key), name)
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

package root

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// listen returns the public listener; an empty one is none, an absent one the
// default.
func (f *configFile) listen() string {
	switch {
	case f.Listen == nil:
		return ""
	case *f.Listen == "":
		return ListenNone
	}
	return *f.Listen
}

// readTargets reads the [[target]] tables, which are the same as a mirror's.
func readTargets(path, text, dir string) (targets []push.Target, notes []string, err error) {
	top, err := tomlfile.Parse(path, []byte(text))
	if err != nil {
		return nil, nil, err
	}
	all := hosts.Read(top, dir)
	if err := top.Err(); err != nil {
		return nil, nil, err
	}
	for _, h := range all {
		targets = append(targets, push.Target{Target: h.Target, PublicURL: h.PublicURL})
		notes = append(notes, h.Notes...)
	}
	return targets, notes, nil
}

// watchSection is [watch] of root.toml.
type watchSection struct {
	Every      span `toml:"every"`
	StaleGrace span `toml:"stale_grace"`
	WrongGrace span `toml:"wrong_grace"`
	WellFor    span `toml:"well_for"`
	WarnAfter  span `toml:"warn_after"`
}

func (s watchSection) policy() (p watch.Policy, off bool) {
	return watch.Policy{
		Every: s.Every.Duration, StaleGrace: s.StaleGrace.Duration, WrongGrace: s.WrongGrace.Duration,
		WellFor: s.WellFor.Duration, WarnAfter: s.WarnAfter.Duration,
	}, s.Every.off
}

// A span is a time of at least a second, or "off".
type span struct {
	time.Duration
	off bool
}

// UnmarshalText reads a span as "48h" or "1h30m".
func (s *span) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		s.off = true
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return fmt.Errorf("%q is not a time of at least a second; write it as \"48h\" or \"30m\"", clip(string(text)))
	}
	s.Duration = d
	return nil
}

// mailSection is [mail] of root.toml.
type mailSection struct {
	Host         string   `toml:"host"`
	Port         int      `toml:"port"`
	TLS          string   `toml:"tls"`
	From         string   `toml:"from"`
	User         string   `toml:"user"`
	PasswordFile string   `toml:"password_file"`
	PasswordEnv  string   `toml:"password_env"`
	Admins       []string `toml:"admins"`
}

// config returns how messages are sent, and what the operator should know.
func (s *mailSection) config(data string) (c *mail.Config, notes []string) {
	c = &mail.Config{
		Host: s.Host, Port: s.Port, Security: mail.Security(s.TLS), From: s.From, User: s.User, Admins: s.Admins,
	}
	switch {
	case s.PasswordFile != "":
		path := s.PasswordFile
		if rest, ok := strings.CutPrefix(path, "$CREDENTIALS_DIRECTORY/"); ok {
			path = filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), rest)
		} else if !filepath.IsAbs(path) {
			path = filepath.Join(data, path)
		}
		c.Password = func() (string, error) { return readSecret(path) }
		if isExposed(path) {
			notes = append(notes, path+", the password of the mail server, can be read by every user of this machine: chmod 600 "+path)
		}
	case s.PasswordEnv != "":
		c.Password = func() (string, error) {
			if v := os.Getenv(s.PasswordEnv); v != "" {
				return v, nil
			}
			return "", errors.New("the environment variable that [mail] password_env names is not set")
		}
	}
	return c, notes
}

// isExposed tells whether other users of this machine can read a file.
func isExposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0
}

// maxSecret is the most that is read of a file with a secret, in bytes.
const maxSecret = 4096

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(data), "\r\n")
	switch {
	case secret == "":
		return "", fmt.Errorf("%s is empty: write the password into it, as one line", path)
	case len(data) > maxSecret || strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("%s is no password: it has more than one line, or more than %d bytes", path, maxSecret)
	}
	return secret, nil
}

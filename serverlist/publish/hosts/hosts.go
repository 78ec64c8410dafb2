// Package hosts turns the [[target]] tables of a configuration file into
// targets to publish to. A mirror and a root that publishes by itself are
// configured by the same tables:
//
//	[[target]]
//	type = "folder"
//	path = "/srv/mirror"
//	public_url = "http://mirror.example.net/ms/"
//
// No table holds a secret: it names a file or an environment variable, which is
// read each time the secret is needed.
package hosts

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

const maxAuthorities = 1 << 20 // bytes

// A Host is a place to publish to, and where the world finds what is there.
type Host struct {
	Target    publish.Target
	Type      string // as in the file: "folder"
	PublicURL string // a folder if it ends in "/", else the server list itself; "": not given

	// Notes say what the operator should know and what is no error: a password
	// that travels in clear, a secret that others can read.
	Notes []string

	line  int
	place string // what two tables must not share
}

// Read reads every [[target]] of a file. Relative paths are relative to dir.
// What is wrong is noted in top: look at its Err before the result is used.
func Read(top *tomlfile.Table, dir string) []Host {
	var all []Host
	for _, t := range top.Tables("target") {
		r := &reader{Table: t, dir: dir}
		h := r.host()
		r.refuseSecond(all, h)
		all = append(all, h)
	}
	return all
}

// A reader reads one table.
type reader struct {
	*tomlfile.Table
	dir   string
	notes []string
}

func (r *reader) host() Host {
	h := Host{Type: r.Text("type"), PublicURL: r.Text("public_url"), line: r.Line("type")}
	r.Require("type", `type = "folder"`)
	r.Check("public_url", CheckPublicURL(h.PublicURL))
	if k, known := kinds[h.Type]; known {
		r.require(k.fields)
		h.Target, h.place = k.read(r)
		r.RefuseUnknown()
	} else if h.Type != "" {
		r.Check("type", fmt.Errorf(`type %q is not known; known: "%s"`, h.Type, strings.Join(Types(), `", "`)))
	}
	h.Notes = r.notes
	return h
}

// refuseSecond refuses a table that names the place or the URL of another: the
// same visit would be paid twice, or what is read back at the URL cannot tell
// whose it is.
func (r *reader) refuseSecond(others []Host, h Host) {
	for _, o := range others {
		if h.place != "" && h.place == o.place {
			r.Check("type", fmt.Errorf("this target is the same place as that of line %d: remove one", o.line))
		}
		if h.PublicURL != "" && folderOf(h.PublicURL) == folderOf(o.PublicURL) {
			r.Check("public_url", fmt.Errorf("public_url is also that of the target of line %d: each target has its own", o.line))
		}
	}
}

// path returns a path of the file, absolute or relative to its folder.
func (r *reader) path(key string) string {
	p := r.Text(key)
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.dir, p)
}

// require notes which of the fields are missing.
func (r *reader) require(fields []Field) {
	for _, f := range fields {
		if f.Required && f.Kind != Secret {
			r.Require(f.Key, f.example())
		}
		if f.Required && f.Kind == Secret && !r.Has(f.Key+"_file") && !r.Has(f.Key+"_env") && !r.Has(f.Key) {
			r.Require(f.Key+"_file", f.Key+`_file = "FILE", or `+f.Key+`_env = "VARIABLE"`)
		}
	}
}

// secret reads the keys of a secret; nil: none is given.
func (r *reader) secret(name string) func() (string, error) {
	s := r.Secret(name, r.dir)
	if s == nil {
		return nil
	}
	if err := s.Exposed(); err != nil {
		r.note("%v", err)
	}
	return s.Get
}

// authorities reads the certificates of ca_file; nil: those of the system.
func (r *reader) authorities() *x509.CertPool {
	file := r.path("ca_file")
	if file == "" {
		return nil
	}
	pool, err := readAuthorities(file)
	if err != nil {
		r.Check("ca_file", fmt.Errorf("ca_file: %w", err))
	}
	return pool
}

func readAuthorities(file string) (*x509.CertPool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxAuthorities+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxAuthorities {
		return nil, fmt.Errorf("%s is larger than %d bytes: name a file that holds the authorities of this host alone", file, maxAuthorities)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// note adds to what the operator should know.
func (r *reader) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

package hosts

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// CheckPublicURL returns an error unless s can be the address of published
// documents. "" is taken: it means that they are not checked from outside.
func CheckPublicURL(s string) error {
	if s == "" {
		return nil
	}
	return CheckURL("public_url", s)
}

// CheckURL returns an error unless s is the URL of a folder with documents, or
// of a server list. It refuses what could only be meant as a folder and would
// be taken for the list. Errors begin with name.
func CheckURL(name, s string) error {
	if err := serverlist.CheckMirrorURL(s); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if last := path.Base(u.Path); u.Path != "" && !strings.HasSuffix(u.Path, "/") && !strings.Contains(last, ".") {
		return fmt.Errorf("%s %q does not end in \"/\": write %q if that is the folder of server.list", name, s, s+"/")
	}
	return nil
}

// folderOf makes the ways to write one address the same.
func folderOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, publish.ServerList), "/")
	return u.String()
}

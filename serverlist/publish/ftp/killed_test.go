package ftp_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// TestKilled kills the program in the middle of an upload. The system then ends
// its connections in order, which plain FTP takes for the end of the file.
func TestKilled(t *testing.T) {
	t.Parallel()
	reopen := func(place string, dial publishtest.DialFunc) publish.Target {
		part := strings.Split(place, "\n")
		return &ftp.Target{Address: part[0], User: part[1], Password: func() (string, error) { return part[2], nil }, Folder: part[3], TLS: ftp.NoTLS, Dial: dial}
	}
	if publishtest.Victim(t, reopen) {
		return
	}
	h := programs[0].plain(t, testenv.FTPOptions{})
	publishtest.Killed(t, publishtest.AllowNothing, func(t *testing.T) string {
		_, clean := h.newFolder(t, nil)
		return strings.Join([]string{h.Address, h.User, h.Password, clean.(*ftp.Target).Folder}, "\n")
	}, reopen)
}

package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// TestSetupOnATerminal answers the questions of "mirror setup" on a
// pseudo-terminal.
func TestSetupOnATerminal(t *testing.T) {
	t.Parallel()
	dav := testenv.WebDAV(t, "nginx", testenv.WebDAVOptions{User: "me", Password: "correct horse"})
	p := scriptParams(t, "testdata/terminal")
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("DAV", dav.URL)
		env.Setenv("DIR", dav.Dir)
		return nil
	}
	testscript.Run(t, p)
}

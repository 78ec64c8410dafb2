package git_test

import (
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// TestContractSSH is the contract over ssh, where each operation is a login: it
// takes minutes. That of a file, and what happens to lines over ssh, is tested
// always.
func TestContractSSH(t *testing.T) {
	t.Parallel()
	if !publishtest.Sweep() {
		t.Skip("in a sweep only (METASERVER_TEST_SWEEP=1)")
	}
	h := newSSHHost(t)
	publishtest.Contract(t, func(t *testing.T) publish.Target { return h.target(t) })
}

package command_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/command"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// TestInterruptedRsync cuts the line between rsync and its daemon.
func TestInterruptedRsync(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	clean := daemon(t, base)
	next := make(chan int, 1)
	next <- 0
	publishtest.Interrupted(t, publishtest.AllowNothing, func(t *testing.T, dial publishtest.DialFunc) (publish.Target, publish.Target) {
		n := <-next
		next <- n + 1
		dir := fmt.Sprintf("%d/", n)
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		good := below(clean, dir)
		direct, err := url.Parse(good.Push[len(good.Push)-1])
		if err != nil {
			t.Fatal(err)
		}
		far := forward(t, dial, direct.Host)
		faulty := below(clean, dir)
		for _, args := range [][]string{faulty.Push, faulty.Pull} {
			for i := range args {
				args[i] = strings.Replace(args[i], direct.Host, far, 1)
			}
		}
		return faulty, good
	})
}

// below returns the same target in a folder of it.
func below(target command.Target, dir string) command.Target {
	add := func(args []string) []string {
		longer := append([]string{}, args...)
		for i, arg := range longer {
			if strings.HasPrefix(arg, "rsync://") {
				longer[i] += dir
			}
		}
		return longer
	}
	return command.Target{Push: add(target.Push), Pull: add(target.Pull)}
}

// forward listens on loopback and carries what comes over a dialer's line. A
// line that is cut cuts what comes.
func forward(t *testing.T, dial publishtest.DialFunc, to string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := dial(t.Context(), "tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			all.Go(func() { join(near, far) })
		}
	})
	return l.Addr().String()
}

func join(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			io.Copy(way[0], way[1])
			way[0].Close()
			way[1].Close()
		})
	}
	both.Wait()
}

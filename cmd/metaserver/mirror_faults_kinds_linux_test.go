package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// A fault is one way to break a job. It returns what the job said.
type fault struct {
	name string
	run  func(w *faultWorld, h *faultHost) string
}

func (h *faultHost) faults() []fault {
	var all []fault
	if h.gate != nil {
		all = append(all,
			fault{"cut early", cutAt(1, 5)},
			fault{"cut late", cutAt(2, 3)},
			fault{"kill -9", killAt(1, 2)})
	} else {
		all = append(all, fault{"kill -9", killWhileWriting})
	}
	all = append(all, fault{"full disk", fullDisk})
	if h.wrong != nil {
		all = append(all, fault{"wrong password or key", func(w *faultWorld, h *faultHost) string { return w.runWith(h, h.wrong()) }})
	}
	if h.twin != nil {
		all = append(all, fault{"expired certificate or changed key", func(w *faultWorld, h *faultHost) string { return w.runWith(h, h.twin()) }})
	}
	return all
}

// cutAt cuts all connections for good when this share of what a publication
// takes has been carried.
func cutAt(n, of int64) func(*faultWorld, *faultHost) string {
	return func(w *faultWorld, h *faultHost) string {
		h.gate.strikeAt(h.gate.usual*n/of, h.gate.cut)
		defer h.gate.mend()
		return w.runWith(h, h.table)
	}
}

// killAt kills the job at that moment; its connections end as the system ends
// them.
func killAt(n, of int64) func(*faultWorld, *faultHost) string {
	return func(w *faultWorld, h *faultHost) string {
		defer h.gate.mend()
		job := make(chan *os.Process, 1)
		h.gate.strikeAt(h.gate.usual*n/of, func() { (<-job).Kill() }) // before the job carries anything
		return w.run(h, h.table, func(p *os.Process) { job <- p })
	}
}

// killWhileWriting kills a job that writes to a folder of this machine when it
// has begun to.
func killWhileWriting(w *faultWorld, h *faultHost) string {
	for range 20 {
		created, stop := testenv.Created(w.t, h.folder)
		said := w.run(h, h.table, func(p *os.Process) {
			look := time.NewTicker(10 * time.Millisecond)
			defer look.Stop()
			for !ended(p.Pid) {
				select {
				case path := <-created:
					if strings.HasPrefix(filepath.Base(path), durable.TempPrefix) {
						p.Kill()
						return
					}
				case <-look.C:
				}
			}
		})
		stop()
		if said != "" {
			return said
		}
		w.look(h)
		w.nextEdition()
	}
	w.t.Fatalf("%s: no run could be killed while it wrote", h.name)
	return ""
}

// ended tells whether a process has ended and waits to be waited for.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || bytes.Contains(stat, []byte(") Z "))
}

// fullDisk leaves no room for the server list.
func fullDisk(w *faultWorld, h *faultHost) string {
	filler := filepath.Join(h.disk, "filler")
	f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = io.Copy(f, zeros{})
	info, statErr := f.Stat()
	if statErr != nil {
		w.t.Fatal(statErr)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		w.t.Fatalf("%s: filling the disk with %d bytes: %v", h.name, info.Size(), err)
	}
	if err := f.Truncate(max(0, info.Size()-h.room)); err != nil {
		w.t.Fatal(err)
	}
	f.Close()
	defer os.Remove(filler)
	return w.runWith(h, h.table)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

package examine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// permissions looks at who may read and write what lies in the data folder.
func (k *checker) permissions() {
	before := len(k.found)
	if err := datafolder.Writable(k.cfg.Data); err != nil {
		k.add(Bad, "permissions", k.cfg.Data, err.Error(), "Run this as the user that runs the root, or give it the folder: chown -R USER "+k.cfg.Data)
	}
	secret := []string{string(k.d), k.d.Keys(), k.d.Database(), k.d.AdminToken(), k.d.ConfigFile(), k.d.ACME()}
	if keys, err := filepath.Glob(filepath.Join(k.d.Keys(), "*.key")); err == nil {
		secret = append(secret, keys...)
	}
	if k.cfg.TLS != nil {
		secret = append(secret, k.cfg.TLS.KeyFile)
	}
	for _, path := range secret {
		k.private(path)
	}
	if odd := otherOwners(k.cfg.Data); len(odd) > 0 {
		k.add(Bad, "permissions", odd[0], fmt.Sprintf("this and %d more of the data folder belong to another user than the folder, as after a command that was run as another", len(odd)-1),
			"Give all of it to the user that runs the root: chown -R USER "+k.cfg.Data)
	}
	if len(k.found) == before {
		k.add(Good, "permissions", k.cfg.Data, "it can be written to, and nobody else can read what is secret", "")
	}
}

// private complains of a file or folder that other users may read.
func (k *checker) private(path string) {
	info, err := os.Stat(path)
	if err != nil || !modesCount {
		return // what is missing is told where it is needed
	}
	const others = 0o007
	if info.Mode().Perm()&others != 0 {
		k.add(Bad, "permissions", path, fmt.Sprintf("every user of this machine may use it (mode %04o)", info.Mode().Perm()), "chmod o-rwx "+path)
	}
}

func (k *checker) disk() {
	free, known := datafolder.FreeSpace(k.cfg.Data)
	text := fmt.Sprintf("%d MiB are free", free>>20)
	switch {
	case !known:
	case free < datafolder.LowDisk:
		k.add(Bad, "disk", k.cfg.Data, text, "Make room: soon nothing can be registered or approved. What is published stays served.")
	case free < enoughDisk:
		k.add(Warning, "disk", k.cfg.Data, text, "Make room, or move the data folder to a larger disk.")
	default:
		k.add(Good, "disk", k.cfg.Data, text, "")
	}
}

func (k *checker) database(ctx context.Context) {
	const remedy = "Restore a backup (\"metaserver root restore\"); the documents in public/ and at the mirrors stay meanwhile. deploy/README.md tells how."
	e, err := store.Examine(ctx, k.d.Database())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.add(Bad, "database", k.d.Database(), "it is missing", remedy)
	case err != nil:
		k.add(Bad, "database", k.d.Database(), err.Error(), remedy)
	case len(e.Problems) > 0:
		k.add(Bad, "database", k.d.Database(), "it is damaged: "+strings.Join(e.Problems, "; "), remedy)
	default:
		k.add(Good, "database", k.d.Database(), fmt.Sprintf("it is whole; %d listed, %d waiting, %d mirror(s), %d message(s) to be sent", e.Counts.Listed, e.Counts.Pending, e.Counts.Mirrors, e.Counts.Messages), "")
		k.watched(e.Mirrors)
		k.audit(&e.Audit)
	}
}

// audit tells whether the audit log is what the root wrote.
func (k *checker) audit(r *audit.Report) {
	if r.Intact() {
		text := fmt.Sprintf("its %d record(s) are a whole chain", r.Records)
		if r.Number > r.Records {
			text = fmt.Sprintf("its newest %d records of %d are a whole chain", r.Records, r.Number)
		}
		k.add(Good, "audit", k.d.Database(), text+"; its head is "+r.Head.String(), "")
		return
	}
	text := "the audit log is not what the root wrote: " + r.Faults[0].String()
	if more := int64(len(r.Faults)) - 1 + r.More; more > 0 {
		text += fmt.Sprintf("; and %d more fault(s)", more)
	}
	k.add(Bad, "audit", k.d.Database(), text, "Somebody else has written to the database. \"metaserver admin audit --verify\" names every fault; compare with an exported log or the newest backup, look for who had access, and give every admin a new token. The root works on meanwhile.")
}

// watched tells which mirrors the running root has found ill.
func (k *checker) watched(all []store.WatchedMirror) {
	for _, m := range all {
		if !m.Watch.LeftOut.IsZero() {
			k.add(Warning, "mirrors", m.Mirror.ID, fmt.Sprintf("the list leaves it out since %s: %s", stamp(m.Watch.LeftOut), m.Last.Error), "\"metaserver admin mirrors\" shows its history; its operator was written to if there is [mail].")
		}
	}
}

// documents verifies what lies in the public folder as a client would.
func (k *checker) documents() {
	now := k.Now()
	into := map[string]**serverlist.List{issue.ServerListName: &k.servers, issue.MirrorListName: &k.list}
	for _, name := range []string{issue.ServerListName, issue.MirrorListName} {
		path := k.d.Published(name)
		list, err := datafolder.ReadList(k.d, name, k.chain)
		if err != nil {
			k.add(Bad, "documents", path, err.Error(), "\"metaserver root serve\" publishes it again when it starts.")
			continue
		}
		*into[name] = list
		text := fmt.Sprintf("version %d, %d entries, fresh until %s", list.Head.Version, len(list.Servers)+len(list.Mirrors), stamp(list.Head.FreshUntil))
		switch {
		case list.Head.Issued.Sub(now) > maxSkew:
			k.add(Bad, "clock", path, fmt.Sprintf("it was issued at %s, which by this machine's clock is still to come (%s)", stamp(list.Head.Issued), stamp(now)),
				"Set the clock (timedatectl set-ntp true). If it was wrong when the list was issued, a trust document with a new epoch brings the versions back: deploy/CEREMONIES.md, \"A wrong clock dated a list\".")
		case list.Freshness(now) != serverlist.Fresh:
			k.add(Bad, "documents", path, text+": it is "+string(list.Freshness(now)), "Start the root, or look into its log for \"cannot publish\".")
		default:
			k.add(Good, "documents", path, text, "")
		}
	}
}

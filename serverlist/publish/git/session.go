package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	held         = "refs/held" // what the branch was when it was fetched
	sha256Digits = 64          // of a commit's name, where the remote uses SHA-256
)

// A session is one fetched commit and what is to be written on top.
type session struct {
	target  Target // completed
	repo    *repository
	format  string           // of the names of objects: "sha1", "sha256"
	whole   bool             // the host hands out whole commits only
	tip     string           // the newest commit of the branch; empty: there is no branch
	tree    map[string]entry // documents by name
	names   []string         // of pending, in the order of writing
	pending map[string][]byte
	ctx     context.Context // of the last write; it bounds the push
	closed  bool
}

// An entry is a file in a tree.
type entry struct{ mode, id string }

const (
	modeFile       = "100644"
	modeExecutable = "100755"
	modeLink       = "120000"
)

// open makes the repository and fetches the branch into it.
func (s *session) open(ctx context.Context) error {
	tip, err := s.remoteTip(ctx)
	if err != nil {
		return err
	}
	if err := s.initLike(ctx, tip); err != nil || tip == "" {
		return err
	}
	return s.fetch(ctx)
}

// initLike makes a repository whose names of objects are as that of a commit.
func (s *session) initLike(ctx context.Context, tip string) error {
	s.format = "sha1"
	if len(tip) == sha256Digits {
		s.format = "sha256"
	}
	return s.init(ctx)
}

func (s *session) init(ctx context.Context) error {
	init := []string{"init", "--quiet", "--bare", "--template="}
	if s.format != "sha1" {
		init = append(init, "--object-format="+s.format)
	}
	_, err := s.repo.run(ctx, nil, init...)
	return err
}

// remoteTip asks the host for the newest commit of the branch; it is empty if
// there is no branch.
func (s *session) remoteTip(ctx context.Context) (string, error) {
	refs, err := s.remoteRefs(ctx)
	return refs[s.branchRef()], err
}

// remoteRefs asks the host what the branch, and names of other patterns, stand
// for.
func (s *session) remoteRefs(ctx context.Context, more ...string) (map[string]string, error) {
	args := append([]string{"ls-remote", "--quiet", "--", s.target.Remote, s.branchRef()}, more...)
	out, err := s.repo.talkWithin(ctx, cmp.Or(s.target.first, s.target.Timeout), nil, args...)
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		refs[name] = id
	}
	return refs, err
}

func (s *session) branchRef() string { return "refs/heads/" + s.target.Branch }

// fetch brings the newest two commits, as one may be replaced, and the
// documents. Content of other files stays at the host if that can leave it out
// and hand the documents out one by one. Some do the first only, as an sshd
// that does not pass on which version of git's protocol is wanted: then
// everything is fetched.
func (s *session) fetch(ctx context.Context) error {
	if !s.whole {
		if err := s.fetchCommits(ctx, "--filter=blob:none"); err != nil {
			return err
		}
		if s.fetchDocuments(ctx) == nil {
			return nil
		}
		s.whole = true
		if err := errors.Join(os.RemoveAll(s.repo.gitDir), s.init(ctx)); err != nil {
			return err
		}
	}
	return s.fetchCommits(ctx, "--no-filter")
}

func (s *session) fetchCommits(ctx context.Context, filter string) error {
	_, err := s.repo.talk(ctx, nil, "fetch", "--quiet", "--no-tags", "--depth=2", filter,
		"origin", "+refs/heads/"+s.target.Branch+":"+held)
	if err != nil {
		return err
	}
	if s.tip, err = s.repo.line(ctx, nil, "rev-parse", "--verify", held+"^{commit}"); err != nil {
		return err
	}
	s.tree, err = s.list(ctx)
	return err
}

// fetchDocuments fetches the content of all documents at once; git would fetch
// each by itself when it is read.
func (s *session) fetchDocuments(ctx context.Context) error {
	var ids []string
	for _, e := range s.tree {
		if e.mode == modeFile || e.mode == modeExecutable {
			ids = append(ids, e.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := s.repo.talk(ctx, []byte(strings.Join(ids, "\n")+"\n"), "-c", "fetch.negotiationAlgorithm=noop",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", "origin")
	return err
}

// list returns the documents in the fetched commit.
func (s *session) list(ctx context.Context) (map[string]entry, error) {
	out, err := s.repo.run(ctx, nil, "ls-tree", "-z", "--full-tree", s.tip, "--",
		s.inTree(publish.ServerList), s.inTree(publish.MirrorList), s.inTree("trust")+"/")
	if err != nil {
		return nil, err
	}
	tree := map[string]entry{}
	for item := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, file, _ := strings.Cut(item, "\t")
		fields := strings.Fields(about) // mode, type, id
		name := strings.TrimPrefix(file, s.inTree("")+"/")
		if len(fields) == 3 && publish.CheckName(name) == nil {
			tree[name] = entry{fields[0], fields[2]}
		}
	}
	return tree, nil
}

// inTree returns the path of a document in the tree.
func (s *session) inTree(name string) string { return path.Join(s.target.Folder, name) }

// Read opens a document as it is in the fetched commit, or as it was written
// in this session.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := publish.CheckName(name); err != nil {
		return nil, err
	}
	if data, ok := s.pending[name]; ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	e, ok := s.tree[name]
	if !ok {
		return nil, fmt.Errorf("%s in branch %s: %w", s.inTree(name), s.target.Branch, fs.ErrNotExist)
	}
	if e.mode != modeFile && e.mode != modeExecutable {
		return nil, fmt.Errorf("%s in branch %s is not a file (%s): remove it, it is created again", s.inTree(name), s.target.Branch, kind(e.mode))
	}
	return s.repo.blob(ctx, e.id)
}

// Write collects a document for the commit that Close pushes. The context
// bounds that push as well.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	if err := publish.CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed {
		return errors.New("the session is closed")
	}
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
	s.pending[name], s.ctx = bytes.Clone(data), ctx
	return nil
}

// Close pushes what was written, and removes the temporary repository.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if len(s.pending) > 0 {
		err = s.push(s.ctx)
	}
	return errors.Join(err, s.repo.remove())
}

func kind(mode string) string {
	switch mode {
	case modeLink:
		return "a symbolic link"
	case "040000":
		return "a folder"
	case "160000":
		return "a submodule"
	case modeFile, modeExecutable:
		return "a file"
	default:
		return "of mode " + mode
	}
}

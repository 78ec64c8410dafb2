package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
)

const (
	pushTries = 5 // against others who push other files at the same time

	// mark is in the message of a commit that the next one may replace.
	mark = "Metaserver-Publication: the next one replaces this commit"

	noJekyll = ".nojekyll"
)

// push makes a commit of what was written and brings it to the host: exactly
// on top of what was fetched, or not at all.
func (s *session) push(ctx context.Context) error {
	blobs, err := s.store(ctx)
	if err != nil {
		return err
	}
	replace := !s.target.KeepHistory
	for range pushTries {
		c, err := s.commit(ctx, blobs, replace)
		if err != nil || c == nil {
			return err
		}
		refusal := s.send(ctx, c)
		if refusal == nil {
			return nil
		}
		again, err := s.outcome(ctx, c, refusal)
		if !again {
			return err
		}
		replace = replace && !errors.Is(err, errNotReplaced)
	}
	return fmt.Errorf("somebody else has pushed to the branch %d times meanwhile: %w", pushTries, ErrRace)
}

var errNotReplaced = errors.New("the host does not replace commits")

// store writes the documents into the repository, byte for byte.
func (s *session) store(ctx context.Context) (map[string]string, error) {
	blobs := map[string]string{}
	for name, data := range s.pending {
		id, err := s.repo.line(ctx, data, "hash-object", "-w", "--no-filters", "--stdin")
		if err != nil {
			return nil, err
		}
		blobs[s.inTree(name)] = id
	}
	return blobs, nil
}

// A commit is ready to be pushed.
type commit struct {
	id       string
	replaces string // the commit that it takes the place of; empty: it goes on top
}

// commit returns nil if the branch has everything already.
func (s *session) commit(ctx context.Context, blobs map[string]string, replace bool) (*commit, error) {
	tree, err := s.writeTree(ctx, blobs)
	if err != nil {
		return nil, err
	}
	if s.tip == "" {
		return s.commitTree(ctx, tree, "", "")
	}
	before, err := s.repo.line(ctx, nil, "rev-parse", "--verify", s.tip+"^{tree}")
	if err != nil || before == tree {
		return nil, err
	}
	about, err := s.repo.run(ctx, nil, "cat-file", "commit", s.tip)
	if err != nil {
		return nil, err
	}
	header, message, _ := strings.Cut(about, "\n\n")
	parents := parentsOf(header)
	if !replace || len(parents) > 1 || !strings.Contains("\n"+message+"\n", "\n"+mark+"\n") {
		return s.commitTree(ctx, tree, s.tip, "")
	}
	parent := ""
	if len(parents) == 1 {
		parent = parents[0]
	}
	return s.commitTree(ctx, tree, parent, s.tip)
}

func parentsOf(header string) []string {
	var parents []string
	for line := range strings.SplitSeq(header, "\n") {
		if id, ok := strings.CutPrefix(line, "parent "); ok {
			parents = append(parents, id)
		}
	}
	return parents
}

// writeTree puts the documents into the fetched tree and leaves the rest.
func (s *session) writeTree(ctx context.Context, blobs map[string]string) (string, error) {
	start := []string{"read-tree", "--empty"}
	if s.tip != "" {
		start = []string{"read-tree", s.tip}
	}
	if _, err := s.repo.run(ctx, nil, start...); err != nil {
		return "", err
	}
	add := []string{"update-index", "--add"} // without --replace: a file in the place of a folder is an error
	if s.tip == "" && s.target.Folder == "." {
		empty, err := s.repo.line(ctx, nil, "hash-object", "-w", "--no-filters", "--stdin")
		if err != nil {
			return "", err
		}
		add = append(add, "--cacheinfo", modeFile+","+empty+","+noJekyll)
	}
	for file, id := range blobs {
		add = append(add, "--cacheinfo", modeFile+","+id+","+file)
	}
	if _, err := s.repo.run(ctx, nil, add...); err != nil {
		return "", fmt.Errorf("a file or a link is in the place of a folder, or the other way round, in branch %s; remove it: %w", s.target.Branch, err)
	}
	return s.repo.line(ctx, nil, "write-tree", "--missing-ok")
}

func (s *session) commitTree(ctx context.Context, tree, parent, replaces string) (*commit, error) {
	message := "Publish " + strings.Join(s.names[max(0, len(s.names)-5):], ", ") + "\n"
	if !s.target.KeepHistory {
		message += "\n" + mark + "\n"
	}
	args := []string{"commit-tree", tree}
	if parent != "" {
		args = append(args, "-p", parent)
	}
	id, err := s.repo.line(ctx, []byte(message), args...)
	return &commit{id, replaces}, err
}

func (s *session) send(ctx context.Context, c *commit) error {
	ref := "refs/heads/" + s.target.Branch
	args := []string{"push", "--quiet", "--no-verify"}
	if c.replaces != "" {
		args = append(args, "--force-with-lease="+ref+":"+c.replaces)
	}
	_, err := s.repo.talk(ctx, nil, append(args, "origin", c.id+":"+ref)...)
	return err
}

// outcome finds out what a push has led to that was not acknowledged, and
// whether to try again on top of what the branch is now.
func (s *session) outcome(ctx context.Context, c *commit, refusal error) (again bool, err error) {
	now, err := s.remoteTip(ctx)
	switch {
	case err != nil:
		return false, fmt.Errorf("it is not known whether the host has taken the push; the next run finds out: %w", errors.Join(refusal, err))
	case now == c.id:
		return false, nil // it has; the answer was lost
	case now == s.tip && c.replaces != "" && !isOutage(refusal):
		return true, errNotReplaced
	case now == s.tip:
		return false, refusal
	case now == "":
		return false, fmt.Errorf("branch %s was removed meanwhile: %w", s.target.Branch, ErrRace)
	}
	read := s.tree
	if err := s.fetch(ctx); err != nil {
		return false, errors.Join(refusal, err)
	}
	if !maps.Equal(read, s.tree) {
		return false, ErrRace
	}
	return true, nil
}

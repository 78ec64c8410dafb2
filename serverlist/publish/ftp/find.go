package ftp

import (
	"errors"
	"fmt"
	"net/textproto"
	"path"
	"slices"
	"strings"
)

// mayBeAbsent tells whether this may be the answer about a file that is not
// there. It may be that about a file which may not be read, as well.
func mayBeAbsent(err error) bool {
	switch code(err) {
	case 450, 550, 551, 553:
		return true
	}
	return false
}

// code returns the code of the host's answer; 0: it did not answer, or agreed.
func code(err error) int {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// fine forgives a host that agrees with another code than the library expects,
// as 250 for a transfer that is complete.
func fine(err error) error {
	switch e := err.(type) {
	case *textproto.Error:
		if e.Code/100 == 2 {
			return nil
		}
	case interface{ Unwrap() []error }: // what the library says at the end of a transfer
		if !slices.ContainsFunc(e.Unwrap(), func(part error) bool { return fine(part) != nil }) {
			return nil
		}
	}
	return err
}

// keepNetwork drops refusals: it returns an error only if the connection is
// lost.
func keepNetwork(err error) error {
	if code(err) != 0 && code(err) != 421 {
		return nil
	}
	return err
}

// A finding says what is known of a file.
type finding struct {
	there bool
	aside bool // not there, but an interrupted run has moved it aside
}

// find looks for a file that the host has refused to give. It returns an error
// if the file may be there and may not.
func (s *session) find(file string, refused error) (finding, error) {
	folder, name := path.Dir(file), nameOf(file)
	if err := s.enter(folder); err != nil {
		return s.findWithout(folder, err)
	}
	_, err := s.conn.FileSize(name)
	if err == nil {
		return finding{there: true}, nil
	}
	if keepNetwork(err) != nil {
		return finding{}, err
	}
	knowsSize := mayBeAbsent(err)
	if _, err := s.conn.GetEntry(name); err == nil {
		return finding{there: true}, nil
	} else if keepNetwork(err) != nil {
		return finding{}, err
	}
	names, err := s.list()
	if keepNetwork(err) != nil {
		return finding{}, err
	}
	if err != nil && knowsSize {
		names, err = s.listLong()
	}
	if err != nil {
		return finding{}, fmt.Errorf("the host does not give %s (%w), and whether it is there cannot be told, because %s cannot be listed (%v): "+
			"permit the account to list the folder", path.Base(file), refused, folder, err)
	}
	there := names[path.Base(file)]
	return finding{there: there, aside: !there && names[asideOf(path.Base(file))]}, nil
}

// nameOf returns the name of a file or a folder in the folder above it, so that
// no host takes it for an option, or drops a space before it.
func nameOf(file string) string {
	name := path.Base(file)
	if strings.HasPrefix(name, "-") || strings.HasPrefix(name, " ") {
		return "./" + name
	}
	return name
}

// findWithout finds out why a folder cannot be entered: if it is not there,
// nothing in it is.
func (s *session) findWithout(folder string, refused error) (finding, error) {
	if keepNetwork(refused) != nil {
		return finding{}, refused
	}
	unable := fmt.Errorf("folder %s cannot be entered (%w): check the folder of the target, and the rights of the account", folder, refused)
	if folder == "/" {
		return finding{}, unable
	}
	found, err := s.find(folder, refused)
	if err == nil && (found.there || found.aside) {
		err = unable
	}
	return finding{}, err
}

// list returns the names in the folder that was entered last.
func (s *session) list() (map[string]bool, error) {
	s.network.limit = maxListing
	defer func() { s.network.limit = 0 }()
	lines, err := s.conn.NameList("")
	if err := fine(err); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, line := range lines {
		names[path.Base(line)] = true // some hosts put the folder before it
	}
	return names, nil
}

// listLong is for hosts that refuse NLST of an empty folder. The library drops
// lines that it does not understand, so this is no proof by itself.
func (s *session) listLong() (map[string]bool, error) {
	s.network.limit = maxListing
	defer func() { s.network.limit = 0 }()
	entries, err := s.conn.List("")
	if err := fine(err); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[path.Base(e.Name)] = true
	}
	return names, nil
}

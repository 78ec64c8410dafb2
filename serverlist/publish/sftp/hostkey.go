package sftp

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// HostKeyError says that a host did not show a key that known_hosts names for
// it. Nothing was sent to it, no password either.
type HostKeyError struct {
	Address     string   // HOST:PORT
	File        string   // the known_hosts file
	Kind        string   // of the key that was shown, as "ssh-ed25519"; empty: the host has no key of a known kind
	Fingerprint string   // of that key, as "SHA256:..."
	Line        string   // what known_hosts would say of that key
	Known       []string // where it names other keys of the host, as "FILE:LINE"; empty: the host is not known yet
	Revoked     bool     // known_hosts marks the key as revoked
}

// FirstContact tells whether nothing is known of the host yet. An operator who
// has compared the fingerprint may add Line to the file.
func (e *HostKeyError) FirstContact() bool { return len(e.Known) == 0 && !e.Revoked }

func (e *HostKeyError) Error() string {
	switch {
	case e.Revoked:
		return fmt.Sprintf("%s shows the %s key %s, which %s marks as revoked: it may be somebody else. Do not go on; ask the host's operator", e.Address, e.Kind, e.Fingerprint, e.File)
	case e.FirstContact():
		return fmt.Sprintf("%s is not known yet; it shows the %s key %s. Compare that with what the host's operator publishes; if it is the same, run: echo '%s' >> %s",
			e.Address, e.Kind, e.Fingerprint, e.Line, e.File)
	}
	shown := "no key of a kind that is known of it"
	if e.Kind != "" {
		shown = fmt.Sprintf("the %s key %s", e.Kind, e.Fingerprint)
	}
	return fmt.Sprintf("THE HOST KEY OF %s HAS CHANGED: it shows %s, and %s names another. Somebody may be in between, or the host was set up anew. "+
		"Nothing was sent. Ask the host's operator; only if they confirm the new key, remove the old one: ssh-keygen -f %s -R '%s'",
		e.Address, shown, strings.Join(e.Known, " and "), e.File, knownhosts.Normalize(e.Address))
}

// knownHost is what a known_hosts file says of one host.
type knownHost struct {
	address string
	file    string
	check   ssh.HostKeyCallback // of the whole file
	known   []string            // FILE:LINE of this host's keys
	kinds   []string            // algorithms by which the host can show one of them, best first
}

// Algorithms of host keys in the order of preference. RSA signs with SHA-2 only.
var (
	plainKinds = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	certKinds  = []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
)

// readKnownHosts looks a host up. A host has keys of several kinds, and ssh
// agrees on one before any is shown: one must be asked for that the file has,
// or the right host would look like a changed one. A file that is not there is
// an empty one.
func readKnownHosts(file, address string) (*knownHost, error) {
	k := &knownHost{address: address, file: file, kinds: plainKinds}
	check, err := knownhosts.New(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.check = func(string, net.Addr, ssh.PublicKey) error { return &knownhosts.KeyError{} }
		return k, nil
	case err != nil:
		return nil, fmt.Errorf("the known_hosts file cannot be read, so that no host can be told from another: %w; correct that line, or give the target a file of its own", err)
	}
	k.check = check
	var mismatch *knownhosts.KeyError
	if err := check(address, anyAddress, nobodysKey); !errors.As(err, &mismatch) {
		return nil, fmt.Errorf("looking %s up in %s: %w", address, file, err)
	}
	if len(mismatch.Want) == 0 {
		return k, nil
	}
	authorities, err := authorityLines(file)
	if err != nil {
		return nil, err
	}
	k.learn(mismatch.Want, authorities)
	return k, nil
}

// learn notes keys of the host, and the algorithms that go with them.
func (k *knownHost) learn(keys []knownhosts.KnownKey, authorities map[int]bool) {
	has := map[string]bool{}
	certified := false
	for _, key := range keys {
		k.known = append(k.known, fmt.Sprintf("%s:%d", key.Filename, key.Line))
		if authorities[key.Line] {
			certified = true
			continue
		}
		has[key.Key.Type()] = true
	}
	k.kinds = nil
	if certified {
		k.kinds = append(k.kinds, certKinds...)
	}
	for _, kind := range plainKinds {
		if has[kind] || has[ssh.KeyAlgoRSA] && strings.HasPrefix(kind, "rsa-") {
			k.kinds = append(k.kinds, kind)
		}
	}
}

// authorityLines returns the numbers of the lines that name an authority whose
// certificates hosts may show, instead of a host's own key.
func authorityLines(file string) (map[int]bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := map[int]bool{}
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		if strings.HasPrefix(strings.TrimSpace(scanner.Text()), "@cert-authority") {
			lines[n] = true
		}
	}
	return lines, scanner.Err()
}

// verify is the ssh.HostKeyCallback. Only the name counts, not the network
// address that it leads to today.
func (k *knownHost) verify(_ string, _ net.Addr, key ssh.PublicKey) error {
	err := k.check(k.address, anyAddress, key)
	if err == nil {
		return nil
	}
	e := &HostKeyError{Address: k.address, File: k.file, Kind: key.Type(), Fingerprint: ssh.FingerprintSHA256(key),
		Line: knownhosts.Line([]string{k.address}, key), Known: k.known}
	var mismatch *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &revoked):
		e.Revoked = true
	case !errors.As(err, &mismatch) && len(k.known) > 0: // a certificate that does not hold
		return fmt.Errorf("the certificate of %s does not hold (%w): ask the host's operator", k.address, err)
	}
	return e
}

// noKnownKind explains a host that can show none of the keys that are known.
func (k *knownHost) noKnownKind() error {
	return &HostKeyError{Address: k.address, File: k.file, Known: k.known}
}

// nobodysKey stands for a key that no host has, to ask what is known of one.
var nobodysKey, _ = ssh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize)) // of the right size

// anyAddress takes the place of the network address, which does not count.
var anyAddress net.Addr = &net.TCPAddr{IP: net.IPv4zero}

package ftp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"syscall"
	"time"
)

// A dataConnError means that no data connection came about.
type dataConnError struct{ err error }

func (e *dataConnError) Error() string { return "no data connection: " + e.err.Error() }
func (e *dataConnError) Unwrap() error { return e.err }

// explainConnect is about the time before the login.
func (t *Target) explainConnect(err error) error {
	_, port, _ := net.SplitHostPort(t.Address) // was checked
	switch c := code(err); {
	case port == "990" && lost(err):
		return fmt.Errorf("%w: port 990 is for another kind of FTP with TLS, in which TLS begins at once; use port 21, where it begins after the greeting", err)
	case c == 421 || c == 120:
		return fmt.Errorf("the host has no time now (%w): too many connections, or it is being shut down; the next run tries again", err)
	case c/100 == 5 && t.TLS != NoTLS:
		return fmt.Errorf("the host does not offer TLS (%w): ask for it, or look for another kind of upload there; "+
			"logging in without TLS works, but then whoever is on the way can read the password and change the files", err)
	}
	return err
}

// explainLogin is about user, password, and what belongs to a login.
func (t *Target) explainLogin(err error) error {
	hint := ""
	if t.TLS == NoTLS {
		hint = "; some hosts want a login with TLS"
	}
	switch c := code(err); {
	case c == 530:
		return fmt.Errorf("the host refuses user %q with this password (%w): check both%s", t.User, err, hint)
	case c != 0 || !lost(err):
		return fmt.Errorf("the host refuses the login of user %q (%w): check the account%s", t.User, err, hint)
	}
	return err
}

// lost tells whether the network or TLS failed, rather than the host refused:
// the library returns a refusal of the user name as text alone.
func lost(err error) bool {
	var network net.Error
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &network) || errors.As(err, &untrusted) || errors.As(err, new(tls.RecordHeaderError)) || errors.As(err, new(tls.AlertError)) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// answered returns the host's answer, if there is one: that the data connection
// broke is then its consequence.
func answered(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return answer
	}
	return err
}

// A oneLine error stays on its line, whatever a host says.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// writing explains what a host says to a write.
func writing(err error) error {
	text := ""
	if err != nil {
		text = strings.ToLower(err.Error())
	}
	switch c := code(err); {
	case c == 552 || c == 452 || strings.Contains(text, "quota") || strings.Contains(text, "no space left") || strings.Contains(text, "disk full"):
		return fmt.Errorf("%w: the disk of the host is full or the quota of the account is used up; what was published before is untouched: make room there", err)
	case c == 451:
		return fmt.Errorf("%w: the host cannot store the file, most often because its disk is full or the quota of the account is used up; "+
			"what was published before is untouched: make room there", err)
	case c == 550 || c == 553 || c == 532:
		return fmt.Errorf("%w: the account may not write there, or not rename: check the folder of the target (the login folder is often not the web folder), "+
			"the folder's owner, and the rights of the account; a program that publishes to the same folder at the same time has the same effect", err)
	case c == 500 || c == 502 || c == 504:
		return fmt.Errorf("%w: the host does not permit what a safe replacement needs (upload, rename, delete): ask for it, or publish to another host", err)
	}
	return err
}

// explain is about everything that can happen at any time.
func (t *Target) explain(err error) error {
	var (
		expired  x509.CertificateInvalidError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		data     *dataConnError
		timeout  net.Error
	)
	const notOff = "; do not switch TLS off instead"
	switch {
	case err == nil:
		return nil
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return fmt.Errorf("%w: the host's certificate was valid until %s: whoever runs the host must renew it (or this machine's clock is wrong)%s",
			err, expired.Cert.NotAfter.UTC().Format(time.DateOnly), notOff)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the host's certificate is signed by nobody whom this machine trusts: if the host has an authority of its own, "+
			"get its certificate in a trustworthy way and name it in the configuration; otherwise someone may be pretending to be the host%s", err, notOff)
	case errors.As(err, &hostname):
		return fmt.Errorf("%w: the host's certificate is for another name: use that name as the address of the target, if it is the host's%s", err, notOff)
	case errors.As(err, &record), errors.As(err, &alert):
		return fmt.Errorf("%w: the host and this program find no TLS that both speak (TLS 1.2 is needed)", err)
	case errors.As(err, &data), code(err) == 425:
		return fmt.Errorf("%w: the control connection works, so a firewall on the way or at the host closes the ports for passive transfers; "+
			"ask the host which ports it uses for them", err)
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s was silent for %v and was given up (%w); the next run tries again", t.Address, t.idleTimeout(), err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing answers there: check host and port of the target", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("the connection to %s was cut (%w); the next run tries again", t.Address, err)
	}
	return err
}

// withoutSecret keeps a host from putting the password into our messages.
func withoutSecret(err error, password string) error {
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), password, "(password)"))
}

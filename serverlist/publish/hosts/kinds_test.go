package hosts_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// examples are values that fields take, where the fields' own are for people.
func example(t *testing.T, dir string, f hosts.Field) string {
	t.Helper()
	switch {
	case f.Key == "ca_file":
		file := filepath.Join(dir, "ca.pem")
		web := httptest.NewTLSServer(nil)
		defer web.Close()
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("ca_file = %q\n", file)
	case f.Kind == hosts.Secret:
		return fmt.Sprintf("%s_env = \"A_SECRET\"\n", f.Key)
	case f.Kind == hosts.Switch:
		return f.Key + " = true\n"
	case f.Kind == hosts.List:
		return fmt.Sprintf("%s = [\"rsync\", \"-a\", %q, \"host:www/\"]\n", f.Key, f.Example)
	}
	return fmt.Sprintf("%s = %q\n", f.Key, f.Example)
}

// TestTypes holds the fields of each type against what its reader takes: every
// field is read, nothing else is, and each that is required is missed.
func TestTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range hosts.Types() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			table := "[[target]]\ntype = \"" + kind + "\"\n"
			known := []string{"type", "public_url"}
			for _, f := range hosts.Fields(kind) {
				table += example(t, dir, f)
				if f.Kind == hosts.Secret {
					known = append(known, f.Key+"_file", f.Key+"_env")
				} else {
					known = append(known, f.Key)
				}
			}
			found, err := read(t, table)
			if err != nil {
				t.Fatalf("%s\n%v", table, err)
			}
			if found[0].Target == nil || found[0].Target.String() == "" || hosts.About(kind) == "" {
				t.Errorf("read %+v", found[0])
			}
			_, err = read(t, table+"pigeon = 1\n")
			_, list, _ := strings.Cut(fmt.Sprint(err), "known: ")
			got := strings.Split(list, ", ")
			slices.Sort(got)
			slices.Sort(known)
			if !slices.Equal(got, known) {
				t.Errorf("its fields are %q, and it reads %q", known, got)
			}
			for _, f := range hosts.Fields(kind) {
				if !f.Required {
					continue
				}
				key := strings.SplitN(example(t, dir, f), " ", 2)[0]
				if _, err := read(t, without(table, key)); err == nil || !strings.Contains(err.Error(), f.Key) || !strings.Contains(err.Error(), "is missing in [[target]]: add ") {
					t.Errorf("without %s: %v", key, err)
				}
			}
		})
	}
}

// without removes the line of a key.
func without(table, key string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(table, "\n"), func(line string) bool { return strings.HasPrefix(line, key+" =") }), "")
}

// smallestOf are tables with what is required.
var smallestOf = map[string]string{
	"ftp":     "type = \"ftp\"\nhost = \"ftp.example.net\"\nuser = \"me\"\npassword_env = \"P\"\n",
	"ftps":    "type = \"ftps\"\nhost = \"FTP.example.net:21\"\nuser = \"me\"\npassword_env = \"P\"\nfolder = \".\"\n",
	"sftp":    "type = \"sftp\"\nhost = \"ssh.example.net\"\nuser = \"me\"\nkey_file = \"id\"\n",
	"webdav":  "type = \"webdav\"\nurl = \"http://dav.example.net/ms/\"\n",
	"s3":      "type = \"s3\"\nendpoint = \"https://s3.example.net\"\nbucket = \"b\"\naccess_key = \"a\"\nsecret_key_env = \"P\"\n",
	"command": "type = \"command\"\npush = [\"rsync\", \"-a\", \"{folder}/\", \"h:www/\"]\npublic_url = \"http://x/\"\n",
	"git":     "type = \"git\"\nremote = \"git@example.net:me/p.git\"\nbranch = \"pages\"\n",
}

func TestTypesNotes(t *testing.T) {
	t.Parallel()
	for kind, note := range map[string]string{"ftp": "the password travels in clear", "ftps": "", "sftp": "", "webdav": "", "s3": "", "git": "", "command": ""} {
		found, err := read(t, "[[target]]\n"+smallestOf[kind])
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if notes := strings.Join(found[0].Notes, "\n"); (notes == "") != (note == "") || !strings.Contains(notes, note) {
			t.Errorf("%s: noted %q", kind, notes)
		}
	}
	found, err := read(t, "[[target]]\n"+smallestOf["webdav"]+"user = \"u\"\npassword_env = \"P\"\n")
	if err != nil || len(found[0].Notes) != 1 {
		t.Errorf("WebDAV in clear: %v, %v", found, err)
	}
}

// TestTypesRefuse: no secret is taken, shown, or sent by a typing error.
func TestTypesRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ table, want string }{
		{smallestOf["ftp"] + "[[target]]\n" + smallestOf["ftps"], "this target is the same place as that of line 2"},
		{smallestOf["ftp"] + "password = \"s3cret\"", "password is not taken in [[target]]: a secret does not belong into this file"},
		{smallestOf["ftp"] + "ca_file = \"x\"", `"ca_file" is not known in [[target]]`},
		{smallestOf["ftps"] + "ca_file = \"/none/ca.pem\"", "ca_file: open /none/ca.pem"},
		{without(smallestOf["command"], "public_url"), "pull is missing in [[target]]: add pull = "},
		{strings.Replace(smallestOf["command"], "{folder}", ".", 1), "push has no argument with {folder}"},
		{without(smallestOf["sftp"], "key_file"), "key_file is missing in [[target]]: add key_file = "},
		{strings.Replace(smallestOf["ftp"], "ftp.example.net", "ftp://ftp.example.net/www", 1), "write its name alone"},
		{strings.Replace(smallestOf["ftps"], "FTP.example.net:21", "me@ftp.example.net", 1), "user and folder have keys of their own"},
		{strings.Replace(smallestOf["sftp"], "ssh.example.net", "ssh.example.net/www", 1), "write its name alone"},
		{smallestOf["s3"] + "style = \"x\"", `style "x" is not known`},
		{smallestOf["s3"] + "secret_key = \"s3cret\"", "secret_key is not taken"},
		{smallestOf["webdav"] + "user = \"me\"", "user and a password"},
		{strings.Replace(smallestOf["webdav"], "//", "//me:s3cret@", 1), "url must not carry a user name or password"},
		{strings.Replace(smallestOf["webdav"], "http:", "ftp:", 1), "url is not that of a folder"},
		{strings.Replace(smallestOf["git"], "git@", "https://me:s3cret@", 1), "remote must not carry a password"},
	} {
		_, err := read(t, "[[target]]\n"+c.table)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\ngot  %v\nwant %s", c.table, err, c.want)
		}
	}
}

// FuzzRead: whatever the tables, nothing panics, and a target without error is
// there and has a name without secrets.
func FuzzRead(f *testing.F) {
	for _, table := range smallestOf {
		f.Add("[[target]]\n" + table)
	}
	f.Add("[[target]]\ntype = \"folder\"\npath = \"www\"\npublic_url = \"http://x/\"\n")
	f.Add("[[target]]\n" + smallestOf["git"] + "password = \"x\"\n[[target]]\n" + smallestOf["git"])
	f.Fuzz(func(t *testing.T, text string) {
		top, err := tomlfile.Parse("m.toml", []byte(text))
		if err != nil {
			return
		}
		found := hosts.Read(top, "/none")
		if top.Err() != nil {
			return
		}
		for _, h := range found {
			if h.Target == nil || h.Target.String() == "" {
				t.Errorf("%q was read as %+v", text, h)
			}
		}
	})
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal: what is written to keyboard, a program reads
// from screen.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// TestPasswordPrompt types what people type when they are asked for a password,
// each time once the question is there. Nothing of it is shown.
func TestPasswordPrompt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typed []string
		want  string // in the last words
		made  bool
	}{
		"a password":                   {[]string{"battery staple\r", "battery staple\r"}, "", true},
		"Ctrl-D":                       {[]string{"\x04"}, "no answer; nothing was changed", false},
		"Ctrl-D at the second":         {[]string{"battery staple\r", "\x04"}, "no answer; nothing was changed", false},
		"Ctrl-C":                       {[]string{"batt\x03"}, "no answer; nothing was changed", false},
		"another password the 2. time": {[]string{"battery staple\r", "battery stable\r"}, "the two passphrases differ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyboard, screen := terminal(t)
			data := filepath.Join(t.TempDir(), "root")
			cmd := exec.Command("metaserver", "root", "init", "--data", data, "--origin", "ms.example.org")
			said, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdin, cmd.WaitDelay = screen, time.Minute
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stuck := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
			defer stuck.Stop()
			var all strings.Builder
			typed, in := 0, bufio.NewReader(said)
			for {
				b, err := in.ReadByte()
				if err != nil {
					break
				}
				all.WriteByte(b)
				asks := strings.HasSuffix(all.String(), "for none): ") || strings.HasSuffix(all.String(), "The same again: ")
				if asks && typed < len(c.typed) {
					if _, err := keyboard.WriteString(c.typed[typed]); err != nil {
						t.Error(err)
					}
					typed++
				}
			}
			err = cmd.Wait()
			if (err == nil) != c.made || !strings.Contains(all.String(), c.want) || strings.Contains(all.String(), "batt") {
				t.Errorf("it ends with %v and says\n%s", err, all.String())
			}
			if _, err := os.Stat(data); (err == nil) != c.made {
				t.Errorf("of its folder: %v", err)
			}
		})
	}
}

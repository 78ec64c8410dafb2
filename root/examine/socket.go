package examine

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/signed-metaserver/metaserver/root/config"
)

// unitDirs are where socket units of systemd lie.
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// taken reports an address at which nobody can listen. A stopped root whose
// sockets systemd holds looks like that, and nothing is wrong with it.
func (k *checker) taken(address string, err error) {
	const remedy = "Stop what listens there, or choose another port. Ports below 1024 need sockets of systemd (deploy/systemd) or CAP_NET_BIND_SERVICE."
	unit := ""
	if errors.Is(err, syscall.EADDRINUSE) {
		unit = k.socketUnit(address)
	}
	if unit == "" {
		k.add(Bad, "listener", address, err.Error(), remedy)
		return
	}
	k.add(Warning, "listener", address, "it is taken, as it seems by systemd on behalf of this root: "+unit+" names the port",
		"See whether it is: \"systemctl list-sockets\" shows "+filepath.Base(unit)+" with this address. If not: "+remedy)
}

// socketUnit returns the path of a unit by which systemd may listen at an address
// for a root: it names the port and one of the root's doors. "": there is none.
func (k *checker) socketUnit(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	dirs := unitDirs
	if k.Units != nil {
		dirs = k.Units
	}
	for _, dir := range dirs {
		units, _ := filepath.Glob(filepath.Join(dir, "*.socket"))
		for _, unit := range units {
			changes, _ := filepath.Glob(unit + ".d/*.conf")
			if listensFor(append([]string{unit}, changes...), port) {
				return unit
			}
		}
	}
	return ""
}

// maxUnit is more than a unit file has, in bytes.
const maxUnit = 64 << 10

func listensFor(files []string, port string) bool {
	names, door := false, false
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxUnit {
			continue
		}
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
			case "ListenStream":
				names = names || value == port || strings.HasSuffix(value, ":"+port)
			case "FileDescriptorName":
				door = door || slices.Contains(config.Doors(), value)
			}
		}
	}
	return names && door
}

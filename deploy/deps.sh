#!/bin/sh
# Fetches the real programs that the tests run: a web server, a game server, an
# SSH server, three FTP servers, a browser, openssl, ssh-keygen and python3. Debian packages
# are downloaded and unpacked into .deps/ in the project's folder. Nothing is
# installed, so no daemon starts and no root is needed. What the system has
# already is not fetched.
#
# usage: deploy/deps.sh          (or: make deps)
#
# .deps/usr, .deps/etc ...       the unpacked packages; deploy/testenv looks here
# .deps/.unpacked/PACKAGE        exists once PACKAGE is unpacked completely
# .deps/.download/               exists while a package is fetched and unpacked
# .deps/.apt/                    package lists of our own, when the system's are
#                                empty or out of date
set -eu

cd "$(dirname "$0")/.."
deps=$PWD/.deps
programs='nginx apache2 rsync versitygw pebble crossfire-server openssl ssh-keygen sshd vsftpd proftpd pure-ftpd pure-pw python3 busybox caddy curl wget systemd-analyze chromium-headless-shell'
versitygw=github.com/versity/versitygw/cmd/versitygw@v1.8.0 # a test server for S3; not in go.mod
pebble=github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1 # gives certificates by ACME; not in go.mod
apt_options='-qq -o APT::Sandbox::User= -o Debug::NoLocking=true'
PATH=$PATH:/usr/sbin:/sbin:/usr/games
umask 022 # tests give root's rights up for some programs, which must still read these files

say() { printf 'deps: %s\n' "$*"; }

die() {
	printf 'deps: %s\n' "$*" >&2
	exit 1
}

# find_program NAME prints the path that testenv.Program finds; status 1 if none.
find_program() {
	for folder in "$deps/usr/lib/chromium" "$deps/usr/sbin" "$deps/usr/bin" "$deps/usr/games" "$deps/bin"; do
		if [ -x "$folder/$1" ]; then
			printf '%s\n' "$folder/$1"
			return 0
		fi
	done
	command -v "$1"
}

# library_path prints the folders of unpacked shared libraries, joined by colons.
library_path() {
	joined=
	for folder in "$deps"/usr/lib/*-linux-* "$deps"/usr/lib/*-linux-*/systemd "$deps"/usr/lib/*-linux-*/pulseaudio "$deps"/lib/*-linux-*; do
		if [ -d "$folder" ]; then joined=$joined:$folder; fi
	done
	printf '%s' "${joined#:}"
}

# missing_libraries FILE prints the shared libraries that FILE cannot find.
missing_libraries() {
	LD_LIBRARY_PATH=$(library_path) ldd "$1" 2>/dev/null |
		sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p'
}

# openssl_major FILE prints 3 for OpenSSL 3.x, and 0 for anything that is not OpenSSL.
openssl_major() {
	LD_LIBRARY_PATH=$(library_path) "$1" version 2>/dev/null |
		sed -n 's/^OpenSSL \([0-9]*\)\..*/\1/p' | grep . || echo 0
}

# has_data FILE: whether /FILE is installed or unpacked.
has_data() { [ -e "/$1" ] || [ -e "$deps/$1" ]; }

# ready PROGRAM: whether it is there and would run.
ready() {
	path=$(find_program "$1") && [ -z "$(missing_libraries "$path")" ] || return 1
	case $1 in
	openssl) [ "$(openssl_major "$path")" -ge 3 ] ;;
	python3) LD_LIBRARY_PATH=$(library_path) "$path" -I -c 'import hashlib, ipaddress, json, subprocess, tempfile' 2>/dev/null ;;
	proftpd) has_data usr/lib/proftpd/mod_tls.so ;;
	chromium-headless-shell)
		has_data usr/lib/chromium/icudtl.dat && has_data usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
		;;
	crossfire-server)
		has_data usr/share/games/crossfire/archetypes && has_data usr/share/games/crossfire/maps/regions.reg
		;;
	esac
}

# apt TOOL ARGUMENTS runs apt-get or apt-cache with our options.
apt() {
	tool=$1
	shift
	# shellcheck disable=SC2086 # options are split on purpose
	"$tool" $apt_options "$@"
}

# own_lists fetches package lists into .deps/.apt and uses them from now on. It
# leaves the system's lists alone, and so needs no root.
own_lists() {
	say 'fetching package lists'
	mkdir -p "$deps/.apt/lists/partial" "$deps/.apt/cache/archives/partial"
	apt_options="$apt_options -o Dir::State::lists=$deps/.apt/lists -o Dir::Cache=$deps/.apt/cache"
	apt apt-get update || die 'apt-get update failed: is there a network, and are the sources in /etc/apt right?'
}

# known PACKAGE: whether the package lists offer it.
known() { [ -n "$(apt apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

# download PACKAGE into .deps/.download. Old lists name versions that are no
# longer served: then fresh lists, and once more.
download() {
	rm -rf "$deps/.download"
	mkdir -p "$deps/.download"
	(cd "$deps/.download" && apt apt-get download "$1") && return 0
	case $apt_options in *"$deps/.apt/lists"*) return 1 ;; esac
	own_lists
	(cd "$deps/.download" && apt apt-get download "$1")
}

# unpack PACKAGE, unless that is done.
unpack() {
	if [ -e "$deps/.unpacked/$1" ]; then return 0; fi
	download "$1" || die "cannot download package $1"
	for file in "$deps/.download"/*.deb; do
		say "unpacking $(basename "$file")"
		dpkg-deb -x "$file" "$deps"
	done
	mkdir -p "$deps/.unpacked"
	: >"$deps/.unpacked/$1"
	rm -rf "$deps/.download"
}

# unpack_libraries PACKAGE: those libraries that installing it would add.
unpack_libraries() {
	for library in $(apt apt-get install --simulate --no-install-recommends "$1" |
		sed -n 's/^Inst \(lib[^ ]*\) .*/\1/p'); do
		unpack "$library"
	done
}

# want PROGRAM PACKAGE... makes PROGRAM ready. All packages that the lists offer
# are unpacked: which of them carries a program differs between releases.
want() {
	program=$1
	shift
	if ready "$program"; then return 0; fi
	for package in "$@"; do
		if known "$package"; then unpack "$package"; fi
	done
	path=$(find_program "$program") || die "none of the packages $* brings $program"
	if [ -n "$(missing_libraries "$path")" ]; then unpack_libraries "$1"; fi
	ready "$program" || die "$path does not run: it lacks" \
		"$(missing_libraries "$path" | tr '\n' ' ')or is too old, or its data is absent"
}

# want_built PROGRAM MODULE builds a server that Debian does not package, from source.
want_built() {
	if ready "$1"; then return 0; fi
	command -v go >/dev/null || die "go is not in PATH; it builds $1"
	say "building $2"
	CGO_ENABLED=0 GOFLAGS= GOBIN=$deps/usr/bin go install -trimpath -ldflags='-s -w' "$2" ||
		die "$2 cannot be fetched or built"
}

# python_packages prints the packages of the interpreter and of its library, which
# the release's version of Python names.
python_packages() {
	python=$(apt apt-cache depends python3-minimal | sed -n 's/.*Depends: \(python3\.[0-9]*\)-minimal$/\1/p' | head -n 1)
	echo "python3-minimal $python-minimal lib$python-minimal lib$python-stdlib"
}

report() {
	for program in $programs; do say "$program: $(find_program "$program")"; done
}

unready() {
	for program in $programs; do ready "$program" || printf ' %s' "$program"; done
}

if [ -d "$deps/.download" ]; then
	say 'an earlier run was interrupted: starting over'
	rm -rf "$deps"
fi
missing=$(unready)
if [ -z "$missing" ]; then
	report
	exit 0
fi
for tool in apt-get apt-cache dpkg-deb; do
	command -v "$tool" >/dev/null || die "this is not a Debian system: please install by hand:$missing" \
		'(nginx, apache2, rsync, versitygw, pebble, crossfire-server 1.75 with its maps, OpenSSL 3 or later, OpenSSH with its server, vsftpd, proftpd with mod_tls, pure-ftpd, busybox, caddy, curl, wget, systemd, chromium-headless-shell, Python 3.9 or later). Without them, tests are skipped.'
done
say "to fetch:$missing"
mkdir -p "$deps"
known crossfire-server && known nginx || own_lists
want nginx nginx nginx-light
want apache2 apache2-bin
want rsync rsync
want openssl openssl
want ssh-keygen openssh-client
want sshd openssh-server
want vsftpd vsftpd
want proftpd proftpd-core proftpd-mod-crypto
want pure-ftpd pure-ftpd pure-ftpd-common
want pure-pw pure-ftpd-common
want busybox busybox
want caddy caddy
want curl curl
want wget wget
want systemd-analyze systemd
want chromium-headless-shell chromium-headless-shell chromium-common fonts-dejavu-core # 85 MB, the largest of all
# shellcheck disable=SC2046 # a list of packages
want python3 $(python_packages)
want crossfire-server crossfire-server crossfire-common crossfire-maps
want_built versitygw "$versitygw"
want_built pebble "$pebble"
report

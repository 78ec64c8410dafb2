#!/bin/sh
# Checks the whole project: format, vet, staticcheck, the Windows build of the
# libraries, and all tests, with the race detector where there is a C compiler.
# Installs nothing. What cannot be checked here is listed at the end.
#
# usage: deploy/check.sh          (or: make check)
#
# REQUIRE_ALL=1    whatever is skipped for want of a program counts as failed;
#                  what needs another machine, as root's rights, is only listed
set -u

cd "$(dirname "$0")/.." || exit 1
command -v go >/dev/null || {
	echo 'check: go is not in PATH; install Go (https://go.dev/dl/), go.mod says which version' >&2
	exit 1
}
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
libraries='./keys/... ./serverlist/...' # what launchers embed, on every system

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
# Tests append to this file what they skip for want of a program.
export SKIPS_FILE="$work/skips"
: >"$SKIPS_FILE"
failed=

# step NAME COMMAND... runs one check and notes its failure.
step() {
	name=$1
	shift
	echo "check: $name"
	"$@" || failed="$failed, $name"
}

format() {
	unformatted=$("$(go env GOROOT)/bin/gofmt" -l cmd root mirror serverlist keys deploy) || return 1
	[ -z "$unformatted" ] && return 0
	echo 'not formatted (gofmt -w mends it):'
	echo "$unformatted"
	return 1
}

scripts() {
	for script in deploy/*.sh; do sh -n "$script" || return 1; done
}

windows() {
	# shellcheck disable=SC2086 # a list of patterns
	GOOS=windows CGO_ENABLED=0 go vet $libraries
}

# The module cache comes before the network, so that this works offline once
# staticcheck has been fetched.
static() (
	GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)"
	export GOPROXY
	if ! go run $staticcheck -version >"$work/fetch" 2>&1; then
		echo "staticcheck: $staticcheck cannot be fetched: $(tail -n 1 "$work/fetch")" >>"$SKIPS_FILE"
		return 0
	fi
	go run $staticcheck ./...
)

# The race detector needs a C compiler with its headers; trying it is the only
# sure way to know. Any small package of the standard library will do. It leaves
# out the database engine, which was C once, and the cipher that makes guessing
# passphrases slow: both are many times slower still under it.
unwatched='-gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false -gcflags=golang.org/x/crypto/blowfish=-race=false'
tests() {
	if go test -race -run '^$' errors >"$work/race" 2>&1; then
		# shellcheck disable=SC2086 # several flags
		go test -race $unwatched -timeout 20m ./...
	else
		echo 'tests run without the race detector, which needs cgo and a C compiler (Debian packages gcc, libc6-dev)'
		CGO_ENABLED=0 go test -timeout 20m ./...
	fi
}

step gofmt format
step 'sh -n' scripts
step 'go vet' go vet ./...
step 'go vet, GOOS=windows' windows
step staticcheck static
step 'go test' tests

if [ -s "$SKIPS_FILE" ]; then
	echo 'check: skipped:'
	sort -u "$SKIPS_FILE" | sed 's/^/  /'
	if [ "${REQUIRE_ALL:-}" = 1 ] && grep -v ': impossible on this machine: ' "$SKIPS_FILE" >/dev/null; then
		failed="$failed, skipped checks"
	fi
fi
if [ -n "$failed" ]; then
	echo "check: FAILED: ${failed#, }"
	exit 1
fi
echo 'check: ok'

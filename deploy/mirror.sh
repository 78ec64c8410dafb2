#!/bin/sh
# Makes a web space a mirror: fetches the signed lists of a root, checks them, and
# puts them into a folder or onto an FTP server. It is for machines on which the
# program "metaserver" cannot be installed, and needs a POSIX shell with wget or
# curl. Call it from cron; it prints nothing when nothing is new.
#
#   ROOT=https://ms.example.org/ TARGET=/srv/www/ms TRUST=1.trust sh mirror.sh
#
# ROOT      where the lists are: the root, or another mirror; a folder, http or https
# TARGET    a folder, or ftp://HOST/FOLDER (needs curl)
# TRUST     the trust document that the root's admin has given you. With it, and
#           openssl 3, signatures are checked. WITHOUT IT A FORGED LIST IS NOT
#           DETECTED: whoever sits between the root and this machine can make one.
#           Clients will refuse it, but this mirror is then of no use to them.
# MAX_TIME  seconds that one transfer may take; 1800 if not given
#
# Login for FTP, in the order of preference: the file NETRC; FTP_USER and
# FTP_PASSWORD in the environment; ~/.netrc. FTP_TLS=1 demands TLS (explicit FTPS).
# A netrc file that others can read is refused. Each operation is a login of its own,
# a dozen for a new edition: where logins are limited, use the program "metaserver".
#
# Every document is fetched with a limit, and size, hash and version are checked
# before anything is written. An edition is never replaced by an older one. Trust
# documents are written first, then mirror.list, then server.list, each under a
# temporary name first. No state is kept; what is there is read back each time.
#
# Exit status: 0 the newest lists are there; 1 something failed or was refused, and
# what was published before is still there, whole; 2 wrong usage.
#
# serverlist/SPEC.md specifies the documents and what has to be checked.
set -u
LC_ALL=C
export LC_ALL
umask 022
unset CDPATH

max_text=8192 max_trust_text=65536 max_signatures=65536 # bytes, as SPEC.md says
max_mirrors=1048576 max_servers=67108864 max_lines=262144
max_ahead=86400 # seconds that a document may be ahead of this machine's clock
cr=$(printf '\r')

status=0 missing='' work='' temporary='' held_lock=''

say() { printf 'mirror: %s\n' "$*"; }
warn() { printf 'mirror: %s\n' "$*" >&2; }
die() {
	warn "$*"
	exit 1
}
usage() {
	warn "$*"
	warn 'usage: ROOT=URL TARGET=FOLDER-OR-FTP-URL [TRUST=FILE] sh mirror.sh; the head of the script explains more'
	exit 2
}

clean_up() {
	if [ -n "$temporary" ]; then rm -f "$temporary"; fi
	if [ -n "$held_lock" ]; then rm -rf "$held_lock"; fi
	if [ -n "$work" ]; then rm -rf "$work"; fi
}

has() { command -v "$1" >/dev/null 2>&1; }
size_of() { wc -c <"$1" | tr -d ' '; }

# printable: what others wrote may hold anything; messages must not.
printable() { tr -c '\040-\176\n' '?' | cut -c 1-300; }

sha256() {
	if has sha256sum; then sha256sum; elif has shasum; then shasum -a 256; else openssl dgst -sha256 -r; fi | cut -c 1-64
}

# --- Fetching -----------------------------------------------------------------

# limited COMMAND... runs a command, for at most MAX_TIME if the system can.
limited() { if has timeout; then timeout "$MAX_TIME" "$@"; else "$@"; fi; }

# get URL prints what is there. Own configuration files of the tools are not read.
get() {
	case $tool in
	curl)
		curl -q -sS -f -L --max-redirs 3 --proto '=http,https' --proto-redir '=http,https' --connect-timeout 30 \
			--max-time "$MAX_TIME" --speed-limit 512 --speed-time 60 -A "$agent" "$1"
		;;
	wget) limited wget --no-config --no-hsts -nv -O - --tries=1 --timeout=60 --max-redirect=3 -U "$agent" "$1" ;;
	busybox) limited wget -q -O - -U "$agent" "$1" ;; # some are built so that they crash at -T
	esac
}

# fetch URL LIMIT FILE: status 0 if all of it came, 3 if it is more than LIMIT
# bytes, of which FILE then holds one more; 2 if there is nothing of this name; 1
# otherwise, and why says it.
fetch() {
	{
		get "$1" 9<&- # what hangs on after the script must not hold the lock
		echo $? >"$work/status"
	} 2>"$work/errors" | head -c $(($2 + 1)) >"$3"
	if [ "$(size_of "$3")" -gt "$2" ]; then return 3; fi
	if [ "$(cat "$work/status")" = 0 ]; then return 0; fi
	why=$(grep . "$work/errors" | tail -n 1 | printable)
	why="it cannot be fetched: ${why:-it took more than $MAX_TIME seconds, or the connection broke}"
	if grep -Ei 'error:? (HTTP/[0-9.]+ )?(404|410)([^0-9]|$)' "$work/errors" >/dev/null; then return 2; fi
	return 1
}

# --- Documents ----------------------------------------------------------------

# Functions for the programs below.
awk_library='
function bad(text) { if (!failed) print text; failed = 1; exit 1 }
function integer(s) { return s ~ /^(0|[1-9][0-9]*)$/ && (length(s) < 16 || length(s) == 16 && s + 0 <= 9007199254740991) }
function base64(s) {
	return s ~ /^[A-Za-z0-9+\/]+=?=?$/ && length(s) % 4 == 0 && (s !~ /=$/ || s ~ /[AQgw]==$/ || s ~ /[AEIMQUYcgkosw048]=$/)
}
# utf8(s): whether the bytes are UTF-8. key_name_ok(s): whether no character of a
# key name is a space, a control, a format character or invisible: the two tables
# of SPEC.md section 3, in bytes.
function utf8(s) {
	gsub(/[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277][\200-\277]|\355[\200-\237][\200-\277]/, "", s)
	gsub(/\360[\220-\277][\200-\277][\200-\277]|[\361-\363][\200-\277][\200-\277][\200-\277]|\364[\200-\217][\200-\277][\200-\277]/, "", s)
	return s !~ /[\200-\377]/
}
function key_name_ok(s) {
	if (s == "" || length(s) > 128 || s ~ /[+]/ || !utf8(s)) return 0
	return s !~ /[\001-\040]|\177|\302[\200-\240]|\302\255|\315\217|\330[\200-\205]|\330\234|\333\235|\334\217/ && \
		s !~ /\340\242[\220-\221]|\340\243\242|\341\205[\237-\240]|\341\232\200|\341\236[\264-\265]/ && \
		s !~ /\341\240[\213-\217]|\342\200[\200-\217]|\342\200[\250-\257]|\342\201[\237-\257]|\342\240\200/ && \
		s !~ /\343\200\200|\343\205\244|\357\270[\200-\217]|\357\273\277|\357\276\240|\357\277[\260-\273]/ && \
		s !~ /\360\221\202\275|\360\221\203\215|\360\223\220[\260-\277]|\360\233\262[\240-\243]/ && \
		s !~ /\360\235\205[\263-\272]|\363\240[\200-\277][\200-\277]/
}
function hex(s, n) { return length(s) == n && s ~ /^[0-9a-f]+$/ }
# Seconds since 1970; -1 if s is no time.
function seconds(s,   y, m, d, leap, days) {
	if (s !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z$/) return -1
	y = substr(s, 1, 4) + 0; m = substr(s, 6, 2) + 0; d = substr(s, 9, 2) + 0
	leap = y % 4 == 0 && y % 100 != 0 || y % 400 == 0
	split("31 28 31 30 31 30 31 31 30 31 30 31", length_of, " "); length_of[2] += leap
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > length_of[m]) return -1
	if (substr(s, 12, 2) > 23 || substr(s, 15, 2) > 59 || substr(s, 18, 2) > 59) return -1
	for (days = d - 1; m > 1; m--) days += length_of[m - 1]
	y--; days += (y - 1969) * 365 + int(y / 4) - 492 - int(y / 100) + 19 + int(y / 400) - 4
	return ((days * 24 + substr(s, 12, 2)) * 60 + substr(s, 15, 2)) * 60 + substr(s, 18, 2)
}
# verifier_key("NAME+ID+BASE64") fills key_name, key_id, key_bytes; ours if it is ed25519.
function verifier_key(s,   a, rest, b) {
	a = index(s, "+"); rest = substr(s, a + 1); b = index(rest, "+")
	key_name = substr(s, 1, a - 1); key_id = substr(rest, 1, b - 1); key_bytes = substr(rest, b + 1)
	ours = key_bytes ~ /^A[Q-Za-f]/
	return key_name_ok(key_name) && b == 9 && hex(key_id, 8) && base64(key_bytes) && (!ours || length(key_bytes) == 44 && key_bytes !~ /=/)
}
'

# Reads the lines of a text into values and origin.
# shellcheck disable=SC2016 # the dollars are those of awk
awk_lines='
BEGIN {
	known = split(order, names, " ")
	for (i = 1; i <= known; i++) rank[names[i]] = i
}
!utf8($0) { bad("it is not UTF-8") }
NR == 1 {
	if (length($0) > 128 || $0 !~ /^[a-z0-9.\/-]+$/) bad("the first line is not an origin")
	origin = $0
	next
}
{
	at = index($0, " "); name = substr($0, 1, at - 1); value = substr($0, at + 1)
	if (value == "" || name !~ /^!?[a-z0-9-]+$/) bad("line " NR " is not a key and a value")
	if (NR == 2 && name != "type") bad("the second line is not the type")
	if (name ~ /^!/) bad("it says \"" name "\", which only a newer program understands")
	if (seen[name]++ && !(name in repeats)) bad("the line \"" name "\" stands twice")
	if (name in rank) {
		if (rank[name] < last) bad("the line \"" name "\" stands in the wrong place")
		last = rank[name]
	}
	values[name] = value
}
function require(list,   i, n, part) {
	n = split(list, part, " ")
	for (i = 1; i <= n; i++) if (!seen[part[i]]) bad("there is no line \"" part[i] "\"")
}
'

# Checks signature lines and prints NAME BASE64 of each.
# shellcheck disable=SC2016
awk_signatures='
{
	if (split($0, part, "[ ]") != 3 || part[1] != "\342\200\224" || !key_name_ok(part[2])) exit wrong = 1
	if (!base64(part[3]) || part[3] !~ /^......[^=]/) exit wrong = 1 # an id of four bytes, and more
	print part[2], part[3]
}
END { exit wrong || NR > 16 }'

# Prints: origin version epoch issued size hash.
# shellcheck disable=SC2016 # the dollars are those of awk
awk_list='
END {
	if (failed) exit 1
	require("type version epoch issued fresh-until old-after trust body")
	if (values["type"] != type) bad("it is a \"" values["type"] "\", wanted is a \"" type "\"")
	if (!integer(values["version"]) || !integer(values["epoch"]) || !integer(values["trust"]) || seen["mirrors"] && !integer(values["mirrors"]))
		bad("a number in its head does not have the form of one")
	issued = seconds(values["issued"]); fresh = seconds(values["fresh-until"]); old = seconds(values["old-after"])
	if (issued < 0 || fresh < issued || old < fresh) bad("its times are malformed or misordered")
	if (values["version"] + 0 > issued) bad("its version is ahead of its time of issue")
	if (split(values["body"], body, "[ ]") != 3 || !integer(body[1]) || body[2] != "sha256" || !hex(body[3], 64)) bad("its line \"body\" is malformed")
	if (failed) exit 1
	printf "%s %s %s %d %s %s\n", origin, values["version"], values["epoch"], issued, body[1], body[3]
}'

# Prints: origin version epoch issued. Writes OUT.keys (NAME ID BASE64), OUT.roles
# (NAME THRESHOLD KEY-NAME...), OUT.revoked (lines) and OUT.ids (all keys to check).
# shellcheck disable=SC2016
awk_trust='
BEGIN { repeats["key"] = repeats["role"] = repeats["revoke"] = 1 }
name == "key" && NR > 2 {
	if (!verifier_key(value) || value ~ / /) bad("line " NR " is not a verifier key")
	if (key_name in has_name || key_id in has_id) bad("the key " key_name " has the name or id of another")
	has_name[key_name] = has_id[key_id] = 1
	if (ours) { public[key_name] = key_bytes; print key_name, key_id, key_bytes >(out ".keys"); print key_name, key_id, key_bytes >(out ".ids") }
}
name == "role" && NR > 2 {
	n = split(value, part, "[ ]")
	if (n < 3 || part[1] !~ /^[a-z0-9-]+$/) bad("line " NR " is not a role")
	if (part[1] in has_role) bad("the role " part[1] " stands twice")
	if (!integer(part[2]) || part[2] < 1 || part[2] > 16) bad("the threshold of the role " part[1] " is malformed")
	has_role[part[1]] = part[2]
	count[part[1]] = 0
	for (i = 3; i <= n; i++) {
		if (!(part[i] in has_name)) bad("the role " part[1] " names a key that is not there")
		if (part[i] in public && !((part[1], public[part[i]]) in counted)) { counted[part[1], public[part[i]]] = 1; count[part[1]]++ }
	}
	print value >(out ".roles")
}
name == "revoke" && NR > 2 {
	n = split(value, part, "[ ]")
	if (n != 4 || !verifier_key(part[1]) || part[2] != "since" || seconds(part[3]) < 0 || part[4] !~ /^[a-z0-9-]+$/) bad("line " NR " is not a revocation")
	if (ours) {
		if (key_bytes in revoked) bad("a key is revoked twice")
		revoked[key_bytes] = 1
		print value >(out ".revoked"); print key_name, key_id, key_bytes >(out ".ids")
	}
}
END {
	if (failed) exit 1
	require("type version epoch issued review-by key role")
	if (values["type"] != "trust/1") bad("it is a \"" values["type"] "\", not a \"trust/1\"")
	if (!integer(values["version"]) || values["version"] + 0 < 1 || !integer(values["epoch"])) bad("its number or epoch is malformed")
	if (seconds(values["issued"]) < 0 || seconds(values["review-by"]) < 0) bad("its times are malformed")
	if (!("trust" in has_role)) bad("there is no role \"trust\"")
	for (k in public) if (public[k] in revoked) bad("a revoked key has returned")
	for (r in has_role) if (has_role[r] + 0 > count[r]) bad("the role " r " needs more keys than it has")
	if (failed) exit 1
	printf "%s %s %s %d\n", origin, values["version"], values["epoch"], seconds(values["issued"])
}'

# plain_lines FILE turns CR LF into LF, as an FTP transfer in ASCII mode makes it,
# and refuses any other CR.
plain_lines() {
	factor=1
	if tr -d '\r' <"$1" | cmp -s - "$1"; then return 0; fi
	factor=2 # what comes is at most so many times larger
	sed "s/$cr\$//" "$1" >"$work/plain" && mv -f "$work/plain" "$1"
	why='it has carriage returns in the middle of lines'
	tr -d '\r' <"$1" | cmp -s - "$1"
}

# split_document FILE LIMIT END makes work/text and work/signatures of a document
# or of its beginning, and sets front to the size of all before the body. END is
# what stands between the signatures and the body: "" in a trust document.
split_document() {
	head -c $(($2 + max_signatures + 3)) "$1" >"$work/beginning"
	case $(tr -d ' \t\r\n' <"$work/beginning" | head -c 1) in
	'<') why='it is an HTML page: a login page, an error page, or a folder index' && return 1 ;;
	esac
	sed '/^$/,$d' "$work/beginning" >"$work/text"
	sed '1,/^$/d' "$work/beginning" | sed '/^$/,$d' >"$work/signatures"
	{
		cat "$work/text"
		echo
		cat "$work/signatures"
		printf '%s' "$3"
	} >"$work/front"
	front=$(size_of "$work/front")
	why='it is not a signed document, or it is cut off, too large, or changed on the way'
	[ -s "$work/text" ] && [ -s "$work/signatures" ] || return 1
	[ "$(size_of "$work/text")" -le "$2" ] && [ "$(size_of "$work/signatures")" -le $max_signatures ] || return 1
	tr -d '\000-\011\013-\037\177' <"$work/text" | cmp -s - "$work/text" || return 1
	if [ -n "$3" ]; then head -c "$front" "$1" | cmp -s - "$work/front"; else cmp -s "$1" "$work/front"; fi || return 1
	why='its signature lines are malformed'
	awk "$awk_library$awk_signatures" "$work/signatures" >"$work/signed"
}

# read_head KIND OUT [TYPE] reads work/text by awk_KIND, and sets origin, version,
# epoch, issued, and of a list body_size and body_hash.
read_head() {
	: >"$2.keys" && : >"$2.roles" && : >"$2.revoked" && : >"$2.ids"
	case $1 in
	list) facts=$(awk -v order='type version epoch issued fresh-until old-after trust mirrors body' -v type="$3" "$awk_library$awk_lines$awk_list" "$work/text") ;;
	trust) facts=$(awk -v order='type version epoch issued review-by key role revoke' -v out="$2" "$awk_library$awk_lines$awk_trust" "$work/text") ;;
	esac || {
		why=$(printf '%s' "$facts" | printable)
		return 1
	}
	# shellcheck disable=SC2086 # these are words
	set -- $facts
	origin=$1 version=$2 epoch=$3 issued=$4 body_size=${5:-} body_hash=${6:-}
	why="it was issued more than a day ahead of this machine's clock: this clock or that of the root is wrong"
	[ "$issued" -le $(($(date +%s) + max_ahead)) ]
}

# --- Signatures ---------------------------------------------------------------

unbase64() { printf '%s' "$1" | openssl base64 -d -A; }
key_bytes() { od -An -v -tx1 | tr -d ' \n'; }

# key_ids PREFIX checks that the ids of keys are those of their names and bytes.
key_ids() {
	while read -r signer id bytes; do
		why="the id of the key $signer is not that of its name and bytes"
		[ "$({
			printf '%s\n' "$signer"
			unbase64 "$bytes"
		} | sha256 | cut -c 1-8)" = "$id" ] || return 1
	done <"$1.ids"
}

# vouches PREFIX ROLE: whether enough keys of the role, as the trust document
# PREFIX has it, have signed work/text. Any wrong signature of its keys refuses.
vouches() {
	: >"$work/good"
	while read -r signer signature; do
		unbase64 "$signature" >"$work/raw"
		id=$(head -c 4 "$work/raw" | key_bytes)
		key=$(awk -v name="$signer" -v id="$id" '$1 == name && $2 == id { print $3 }' "$1.keys")
		[ -n "$key" ] || continue # a stranger's
		why="the signature of the key $signer does not belong to this text: it was changed or forged"
		[ "$(size_of "$work/raw")" = 68 ] || return 1
		tail -c +5 "$work/raw" >"$work/signature"
		{
			printf '\060\052\060\005\006\003\053\145\160\003\041\000' # "ed25519" in DER
			unbase64 "$key" | tail -c +2
		} >"$work/public"
		openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/public" -rawin -in "$work/text" \
			-sigfile "$work/signature" >/dev/null 2>&1 || return 1
		printf '%s\n' "$key" >>"$work/good"
	done <"$work/signed"
	why="it is not signed by enough keys of the role \"$2\": it is forged, or a newer trust document is missing here"
	awk -v role="$2" '
		FILENAME == ARGV[1] { good[$1] = 1; next }
		FILENAME == ARGV[2] { bytes[$1] = $3; next }
		$1 == role { needed = $2; for (i = 3; i <= NF; i++) if (bytes[$i] in good) have[bytes[$i]] = 1 }
		END { for (k in have) n++; exit !(needed >= 1 && n >= needed) }' "$work/good" "$1.keys" "$1.roles"
}

# --- Trust --------------------------------------------------------------------

# read_trust FILE OUT reads a trust document, without asking who has signed it.
read_trust() {
	plain_lines "$1" && split_document "$1" $max_trust_text '' && read_head trust "$2" || return 1
	[ -z "$TRUST" ] || key_ids "$2"
}

# extends FILE: whether it is the trust document that follows the newest. It is the
# newest from then on.
extends() {
	plain_lines "$1" && split_document "$1" $max_trust_text '' || return 1
	if [ -n "$TRUST" ]; then vouches "$work/newest" trust || return 1; fi
	read_trust "$1" "$work/next" || return 1
	if [ -n "$TRUST" ]; then vouches "$work/next" trust && follows || return 1; fi
	why="it is of \"$origin\", and all else here of \"$the_origin\""
	[ "$origin" = "${the_origin:-$origin}" ] || return 1
	why="it has the number $version"
	[ "$version" = "$number" ] || return 1
	the_origin=$origin newest_epoch=$epoch newest_issued=$issued
	for part in keys roles revoked; do mv -f "$work/next.$part" "$work/newest.$part"; done
}

# follows: the rules between a trust document and the one before it.
follows() {
	why='its epoch or time of issue is below that of the document that it follows'
	[ "$epoch" -ge "$newest_epoch" ] && [ "$issued" -ge "$newest_issued" ] || return 1
	why='it drops or changes a revocation'
	awk 'FILENAME == ARGV[1] { kept[$0] = 1; next } !($0 in kept) { lost = 1 } END { exit lost }' \
		"$work/next.revoked" "$work/newest.revoked" || return 1
	why='it adds a revocation in the same epoch'
	[ "$epoch" -gt "$newest_epoch" ] || [ "$(wc -l <"$work/next.revoked")" = "$(wc -l <"$work/newest.revoked")" ]
}

# pin begins the chain with the document TRUST.
pin() {
	head -c $((max_trust_text + max_signatures + 2)) "$TRUST" >"$work/pinned" || die "TRUST=$TRUST cannot be read"
	read_trust "$work/pinned" "$work/newest" && vouches "$work/newest" trust || die "$TRUST: $why"
	number=$version the_origin=$origin newest_epoch=$epoch newest_issued=$issued
	keep_or_plan "trust/$number.trust" "$work/pinned"
	number=$((number + 1))
}

# keep_or_plan NAME FILE plans to publish FILE unless it is there already.
keep_or_plan() {
	if read_target "$1" $((2 * (max_trust_text + max_signatures))) "$work/there" &&
		plain_lines "$work/there" && cmp -s "$work/there" "$2"; then return 0; fi
	name=${1%.trust}
	plan "$1" "$2" "trust document ${name#trust/}"
}

# walk goes up the chain of trust: with what is published, then with what the root
# has. A document that does not follow ends the walk and costs nothing.
walk() {
	walked=0
	while [ $walked -lt 256 ]; do
		document=trust/$number.trust file=$work/trust.$number
		if read_target "$document" $((2 * (max_trust_text + max_signatures))) "$file"; then
			if extends "$file"; then
				number=$((number + 1)) walked=$((walked + 1))
				continue
			fi
			refused="$document, as it is published, $why"
		else
			refused=
		fi
		fetch "$ROOT$document" $((2 * (max_trust_text + max_signatures))) "$file"
		case $? in
		0) if ! extends "$file"; then fail "$ROOT$document: $why" && break; fi ;;
		1) fail "$ROOT$document: $why" && break ;;
		2) break ;;
		3) fail "$ROOT$document: it is larger than a trust document can be" && break ;;
		esac
		[ -z "$refused" ] || warn "$refused; it is replaced"
		plan "$document" "$file" "trust document $number"
		number=$((number + 1)) walked=$((walked + 1))
	done
}

# --- Lists --------------------------------------------------------------------

# read_list FILE TYPE ROLE reads and verifies the head of a list.
read_list() {
	plain_lines "$1" && split_document "$1" $max_text "$line_end" || return 1
	if [ -n "$TRUST" ]; then vouches "$work/newest" "$3" || return 1; fi
	read_head list "$work/list" "$2" || return 1
	why="it is of \"$origin\", wanted is \"$the_origin\""
	[ "$origin" = "${the_origin:-$origin}" ] || return 1
	why="its epoch $epoch is above that of the newest trust document: one is missing here, or the admins did not begin it"
	[ -z "$TRUST" ] || [ "$epoch" -le "$newest_epoch" ]
}

# whole FILE: whether the body behind the head just read is the one it names.
whole() {
	why='it is cut off, or something is appended to it'
	[ "$(size_of "$1")" -eq $((front + body_size)) ] || return 1
	why='its body is not the one that its head names: it was changed on the way'
	[ "$(tail -c +$((front + 1)) "$1" | sha256)" = "$body_hash" ] || return 1
	why="it has more than $max_lines lines"
	[ $(($(tail -c +$((front + 1)) "$1" | wc -l) + 1 - $(tail -c 1 "$1" | wc -l))) -le $max_lines ]
}

# take NAME TYPE ROLE LIMIT keeps what is published of a list or plans to publish
# what the root has, whichever is newer.
take() {
	there=$work/there.$1 new=$work/new.$1 have=
	if read_target "$1" $(($4 + 2 * (max_text + max_signatures))) "$there"; then
		if read_list "$there" "$2" "$3" && whole "$there"; then
			have=yes held_epoch=$epoch held_version=$version the_origin=$origin
			mv -f "$work/text" "$work/text.held"
		else
			refused=$why
		fi
	else
		refused=
	fi
	if fetch_list "$@"; then
		if [ -z "$have" ] && [ -n "$refused" ]; then warn "$1, as it is published: $refused; it is replaced"; fi
		the_origin=$origin
		plan "$1" "$new" "$1, edition $version of epoch $epoch"
	else
		[ -z "$why" ] || fail "$ROOT$1: $why"
		[ -n "$have" ] || missing="$missing $1"
	fi
}

# fetch_list NAME TYPE ROLE LIMIT: status 1 if there is nothing new; why is then
# empty, or says what is wrong. The head is fetched first, and tells the size.
fetch_list() {
	for _ in 1 2 3; do # it may change between the two requests
		fetch "$ROOT$1" $((2 * (max_text + max_signatures + 2))) "$new"
		case $? in
		0) complete=yes ;;
		3) complete= ;;
		*) return 1 ;;
		esac
		read_list "$new" "$2" "$3" || return 1
		is_news "$1" || return 1
		why="it announces $body_size bytes, more than a list may have"
		[ "$body_size" -le "$4" ] || return 1
		if [ -z "$complete" ]; then
			mv -f "$work/text" "$work/text.first"
			fetch "$ROOT$1" $((factor * (front + body_size))) "$new"
			case $? in
			0) ;;
			3) why='something is appended to it, or it changed while it was fetched' && continue ;;
			*) return 1 ;;
			esac
			read_list "$new" "$2" "$3" || return 1
			cmp -s "$work/text" "$work/text.first" || continue
		fi
		whole "$new"
		return
	done
	return 1
}

# is_news NAME: whether the head just read is newer than what is published.
is_news() {
	why=
	if [ -z "$have" ] || [ "$epoch" -gt "$held_epoch" ]; then return 0; fi
	if [ "$epoch" -eq "$held_epoch" ] && [ "$version" -gt "$held_version" ]; then return 0; fi
	if cmp -s "$work/text" "$work/text.held"; then return 1; fi
	if [ "$epoch" -eq "$held_epoch" ] && [ "$version" -eq "$held_version" ]; then
		why="it is another edition $version than the one that is published, which stays. One of the two is not what the admins meant: tell them, and keep both files"
	else
		warn "$ROOT$1: it is edition $version, older than $held_version, which is published already and stays: the root was restored from a backup, or a cache in front of it is behind"
	fi
	return 1
}

# --- Targets ------------------------------------------------------------------

# plan NAME FILE DESCRIPTION notes what is to be published, in this order.
plan() { printf '%s %s %s\n' "$1" "$2" "$3" >>"$work/plan"; }

fail() {
	warn "$*"
	status=1
}

# read_target NAME LIMIT FILE: status 1 if it is not there. What cannot be read ends
# the script: it may be newer than anything the root has.
read_target() {
	case $TARGET in
	ftp://*) read_ftp "$@" && return ;;
	*) read_folder "$@" && return ;;
	esac
	why='it is not there'
	return 1
}

# put NAME FILE puts a document in place, as a whole.
put() {
	case $TARGET in
	ftp://*) put_ftp "$@" ;;
	*) put_folder "$@" ;;
	esac
}

read_folder() {
	if [ -h "$TARGET/$1" ]; then die "$TARGET/$1 is a symbolic link: remove it, a file takes its place"; fi
	if [ ! -e "$TARGET/$1" ]; then return 1; fi
	if [ ! -f "$TARGET/$1" ]; then die "$TARGET/$1 is not a file: remove it, a file takes its place"; fi
	head -c $(($2 + 1)) "$TARGET/$1" >"$3" || die "what is published cannot be read; nothing was changed"
}

put_folder() {
	mkdir -p "$(dirname "$TARGET/$1")" || return 1
	temporary=$(dirname "$TARGET/$1")/.durable-sh-$$
	cp "$2" "$temporary" && chmod 644 "$temporary" && cmp -s "$2" "$temporary" || return 1
	sync "$temporary" 2>/dev/null || sync # so that a power cut leaves the old or the new
	mv -f "$temporary" "$TARGET/$1" || return 1
	temporary=
}

quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# ftp_curl LINE... runs curl with these lines of configuration. They go through a pipe,
# because everybody on this machine may see the arguments of a program.
ftp_curl() {
	{
		printf '%s\n' silent show-error 'proto = "=ftp"' 'connect-timeout = 30' "max-time = $MAX_TIME" \
			'speed-limit = 512' 'speed-time = 60'
		# With TLS 1.3 many versions of curl close an upload with session tickets unread,
		# which resets the connection: vsftpd then says 426 to as many as work.
		if [ -n "${FTP_TLS:-}" ]; then printf '%s\n' ssl-reqd 'tls-max = 1.2'; fi
		if [ -n "${NETRC:-}" ]; then
			printf 'netrc-file = %s\n' "$(quoted "$NETRC")"
		elif [ -n "${FTP_USER:-}" ]; then
			printf 'user = %s\n' "$(quoted "$FTP_USER:${FTP_PASSWORD:-}")"
		else
			echo netrc-optional
		fi
		printf '%s\n' "$@"
	} | curl -q -K - 2>"$work/errors" 9<&-
}

ftp_failed() { printf '%s, %s: %s' "$place" "$1" "$(tail -n 1 "$work/errors" | printable)"; }

read_ftp() {
	{
		ftp_curl "url = $(quoted "$TARGET/$1")"
		echo $? >"$work/status"
	} | head -c $(($2 + 1)) >"$3"
	case $(cat "$work/status") in
	0 | 23) return 0 ;;
	9 | 19 | 78) ;; # no such file or folder, or no right to read it
	*) die "$(ftp_failed "$1"); nothing was changed" ;;
	esac
	if ftp_curl "url = $(quoted "$TARGET/$(dirname "$1")/")" list-only | tr -d '\r' | grep -Fx "${1##*/}" >/dev/null; then
		die "$place has $1 and does not let this login read it: whether it is newer cannot be known; nothing was changed"
	fi
	return 1
}

put_ftp() {
	folder=$TARGET/$(dirname "$1")/ base=${1##*/}
	why="$(ftp_curl "url = $(quoted "$folder$base.new")" "upload-file = $(quoted "$2")" ftp-create-dirs || ftp_failed "$1")"
	[ -z "$why" ] || return 1
	why="$place changed $1 on the way: it cuts files or appends to them"
	ftp_curl "url = $(quoted "$folder$base.new")" | head -c $(($(size_of "$2") + 1)) | cmp -s - "$2" || return 1
	rename='quote = "-RNFR '$base.new'"
quote = "-RNTO '$base'"'
	if ftp_curl "url = $(quoted "$folder")" head "$rename" >/dev/null; then return 0; fi
	# Some servers rename only to names that are free.
	ftp_curl "url = $(quoted "$folder")" head 'quote = "-*DELE '"$base"'"' "$rename" >/dev/null && return
	why=$(ftp_failed "$1")
	return 1
}

# publish carries the plan out.
publish() {
	while read -r name file description; do
		why=
		if ! put "$name" "$file"; then
			die "$name could not be published: ${why:-see above}; the documents after it were left as they were"
		fi
		say "published $description at $place"
	done <"$work/plan"
	if [ -s "$work/plan" ] || [ -t 2 ]; then
		[ -n "$TRUST" ] || warn 'without TRUST=FILE signatures are not checked, and a forged list is NOT detected'
	fi
}

# lock ends the script if another one works at the same target. A folder is locked
# as "metaserver mirror" does; the system drops the lock when the script ends.
lock() {
	case $TARGET in
	ftp://*) lock=${TMPDIR:-/tmp}/metaserver-mirror-$(id -u)-$(printf '%s' "$TARGET" | sha256 | cut -c 1-16) ;;
	*) lock=$TARGET ;;
	esac
	mkdir -p "$lock" || die "the folder $lock cannot be made"
	why="another mirror script is at work at $place"
	if has flock; then
		exec 9<"$lock" && flock -n 9 || die "$why"
		rm -f "$TARGET"/.durable-sh-* "$TARGET"/trust/.durable-sh-*
		return
	fi
	lock=$lock/.lock-sh
	if ! mkdir "$lock" 2>/dev/null; then
		owner=$(cat "$lock/pid" 2>/dev/null)
		if [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null; then
			die "$why${owner:+ (process $owner)}; if that is wrong, remove $lock"
		fi
		mv "$lock" "$lock.$$" && rm -rf "$lock.$$" && mkdir "$lock" || die "$why" # only one can move it away
	fi
	held_lock=$lock
	echo $$ >"$lock/pid"
}

settings() {
	ROOT=${ROOT:-} TARGET=${TARGET:-} TRUST=${TRUST:-} MAX_TIME=${MAX_TIME:-1800}
	[ $# = 0 ] || usage "it takes no arguments, and got $1"
	case $ROOT in
	*@* | *[[:space:]]*) usage 'ROOT must not hold spaces, or a login' ;;
	http://?* | https://?*) ROOT=${ROOT%/}/ ;;
	*) usage 'ROOT must be a URL that begins with http:// or https://' ;;
	esac
	case $MAX_TIME in '' | *[!0-9]*) usage 'MAX_TIME must be a number of seconds' ;; esac
	place=$TARGET
	case $TARGET in
	'') usage 'TARGET must be a folder or an ftp:// URL' ;;
	ftp://*)
		has curl || die 'for TARGET=ftp:// this script needs curl'
		case $TARGET in ftp://*@*) usage 'give the login for TARGET in a netrc file (NETRC), or in FTP_USER and FTP_PASSWORD, not in the URL' ;; esac
		TARGET=${TARGET%/}
		check_netrc
		;;
	*://*) usage 'TARGET must be a folder or an ftp:// URL' ;;
	/) usage 'TARGET must be a folder of its own' ;;
	*) TARGET=${TARGET%/} && case $TARGET in -*) TARGET=./$TARGET ;; esac ;;
	esac
}

# check_netrc refuses a file with a password that is not one's own secret.
check_netrc() {
	netrc=${NETRC:-}
	if [ -z "$netrc" ]; then
		[ -z "${FTP_USER:-}" ] && [ -f "${HOME:-}/.netrc" ] || return 0
		netrc=$HOME/.netrc
	fi
	[ -r "$netrc" ] || usage "the netrc file $netrc cannot be read"
	case $(ls -ldL "$netrc") in
	????------*) ;;
	*) usage "others on this machine can read the netrc file $netrc, which holds a password: chmod 600 it" ;;
	esac
}

# tools finds what fetches, and what checks signatures.
tools() {
	agent='metaserver-mirror.sh'
	if has curl; then
		tool=curl
	elif has wget; then
		tool=busybox
		if wget --version 2>/dev/null | grep 'GNU Wget' >/dev/null; then tool=wget; fi
	else
		die 'neither curl nor wget is here'
	fi
	[ -z "$TRUST" ] && return
	[ -r "$TRUST" ] || usage "TRUST=$TRUST cannot be read"
	case $(openssl version 2>/dev/null) in
	'OpenSSL '[3-9]*) ;;
	*) die 'TRUST is given, and there is no openssl 3 or later to check signatures with. Install it, or use the program "metaserver"; nothing was changed' ;;
	esac
}

settings "$@"
tools
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
work=$(mktemp -d "${TMPDIR:-/tmp}/mirror.XXXXXX") || die 'no temporary folder can be made'
line_end='
'
: >"$work/plan"
lock
number=1 the_origin='' newest_epoch=0 newest_issued=0
if [ -n "$TRUST" ]; then pin; fi
walk
take mirror.list mirror-list/1 mirrors $max_mirrors
take server.list server-list/1 list $max_servers
if [ -n "$missing" ]; then die "there is none to publish of:$missing; nothing was changed"; fi
publish
exit $status

#!/usr/bin/env python3
"""A second reader of signed server lists, written from serverlist/SPEC.md.

usage: verify.py DIR

Judges the conformance vector in DIR and prints its verdict as JSON (SPEC.md,
section 10). It shows that the specification suffices and is no library: it
reads whole documents into memory. It needs Python 3.9 and the openssl program.
"""
import base64
import binascii
import calendar
import functools
import hashlib
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile
import time

MAX_INT = 2**53 - 1
MAX_REPORTS = 1000
TEXT_CAP = 8 << 10
TRUST_TEXT_CAP = 64 << 10
SIGNATURES_CAP = 64 << 10
BODY_CAPS = {"server-list/1": 64 << 20, "mirror-list/1": 1 << 20}
ENTRY_CAP = 8 << 10
LINES_CAP = 1 << 18
ELEMENTS_CAP = 1 << 21
UNKNOWN_CAP = 16
UNKNOWN_BYTES_CAP = 4096


class Refused(Exception):
    """A document does not hold, for the reason that SPEC.md section 9 names."""

    def __init__(self, layer, reason):
        super().__init__(layer + ": " + reason)
        self.layer, self.reason = layer, reason


# --- Section 1: envelope -----------------------------------------------------


def normalize(data):
    """Turns CR LF into LF and refuses any other CR; but first HTML."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1] == b"<":
        raise Refused("envelope", "html")
    data = data.replace(b"\r\n", b"\n")
    if b"\r" in data:
        raise Refused("envelope", "carriage-return")
    return data


def split(data, text_cap):
    """Splits a document into text, and the rest after the first blank line."""
    end = data.find(b"\n\n")
    if end + 1 > text_cap or (end < 0 and len(data) > text_cap):
        raise Refused("envelope", "too-large")
    if end < 0 or data[:1] == b"\n":
        raise Refused("envelope", "not-a-note")
    text = data[: end + 1]
    check_text(text)
    return text, data[end + 2 :]


def check_text(text):
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("envelope", "bad-text")
    if any((c < " " and c != "\n") or c == "\x7f" for c in decoded):
        raise Refused("envelope", "bad-text")


def split_body(data):
    """Splits what follows a list's text into the block of signature lines and
    the body, which is None if there is no second blank line."""
    if data[:1] == b"\n":
        return b"", data[1:]
    block, blank, body = data.partition(b"\n\n")
    return (block + b"\n", body) if blank else (data, None)


def signature_lines(block):
    if not block or block[:1] == b"\n":
        raise Refused("envelope", "no-signature")
    if len(block) > SIGNATURES_CAP:
        raise Refused("envelope", "too-large")
    lines = block.split(b"\n")
    if lines.pop() != b"":
        raise Refused("envelope", "bad-signature-line")
    if len(lines) > 16:
        raise Refused("envelope", "too-many-signatures")
    return [signature_line(line) for line in lines]


def signature_line(line):
    """Returns name, key id and signature."""
    try:
        dash, name, encoded = line.decode("utf-8").split(" ")
        blob = strict_base64(encoded)
    except ValueError:
        raise Refused("envelope", "bad-signature-line")
    if dash != "\u2014" or not is_key_name(name) or len(blob) < 5:
        raise Refused("envelope", "bad-signature-line")
    return name, blob[:4], blob[4:]


def strict_base64(encoded):
    """Decodes padded base64 and refuses every second spelling of the bytes."""
    try:
        blob = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64")
    if base64.b64encode(blob).decode() != encoded:
        raise ValueError("not strict base64")
    return blob


# --- Section 2: lines of the text --------------------------------------------


def head_lines(text, want_type, repeated):
    """Returns origin and the (key, value) lines, their form checked."""
    origin, *lines = text.decode("utf-8")[:-1].split("\n")
    if not re.fullmatch(r"[a-z0-9./-]{1,128}", origin):
        raise Refused("head", "bad-origin")
    pairs, seen = [], set()
    for line in lines:
        match = re.fullmatch(r"(!?[a-z0-9-]+) (.+)", line)
        if not match:
            raise Refused("head", "bad-line")
        key, value = match.groups()
        if key in seen and key not in repeated:
            raise Refused("head", "duplicate-key")
        if key.startswith("!"):
            raise Refused("head", "must-understand")
        seen.add(key)
        pairs.append((key, value))
    if not pairs or pairs[0][0] != "type":
        raise Refused("head", "misordered-key")
    if pairs[0][1] != want_type:
        raise Refused("head", "wrong-type")
    return origin, pairs


def check_order(pairs, order, optional):
    """Checks that the known keys stand in the given order, none missing."""
    known = [key for key, _ in pairs if key in order]
    for key in order:
        if key not in known and key not in optional:
            raise Refused("head", "missing-key")
    if known != sorted(known, key=order.index):
        raise Refused("head", "misordered-key")


def integer(value):
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", value) or int(value) > MAX_INT:
        raise Refused("head", "bad-value")
    return int(value)


def seconds(value):
    """Parses a time, in seconds since 1970."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", value):
        raise Refused("head", "bad-value")
    try:
        fields = time.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise Refused("head", "bad-value")
    if fields.tm_sec > 59 or fields.tm_year < 1970:
        raise Refused("head", "bad-value")
    return calendar.timegm(fields)


TRUST_KEYS = ["type", "version", "epoch", "issued", "review-by", "key", "role", "revoke"]
LIST_KEYS = ["type", "version", "epoch", "issued", "fresh-until", "old-after", "trust", "mirrors", "body"]


def list_head(text, want):
    """Interprets the verified text of a list."""
    origin, pairs = head_lines(text, want["type"], repeated=())
    if origin != want["origin"]:
        raise Refused("head", "wrong-origin")
    check_order(pairs, LIST_KEYS, optional=("mirrors",))
    head = dict(pairs)
    for key in ("version", "epoch", "trust", "mirrors"):
        if key in head:
            head[key] = integer(head[key])
    times = [seconds(head[key]) for key in ("issued", "fresh-until", "old-after")]
    size = re.fullmatch(r"(\S+) sha256 ([0-9a-f]{64})", head["body"])
    if not size:
        raise Refused("head", "bad-value")
    head["body"] = (integer(size[1]), size[2])
    if times != sorted(times):
        raise Refused("head", "times-misordered")
    if head["version"] > times[0]:
        raise Refused("head", "version-ahead")
    return head


# --- Section 3: keys, signatures and trust documents -------------------------


class Key:
    """A verifier key; public is None for an algorithm other than ed25519."""

    def __init__(self, name, key_id, public):
        self.name, self.id, self.public = name, key_id, public


# Ranges for a class of a regular expression.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
NOT_IN_KEY_NAMES = re.compile(
    "[+\x00-\x20\x7f-\xa0\u0600-\u0605\u06dd\u070f\u0890-\u0891\u08e2\u1680\u2000-\u200a\u202f\u205f"
    "\u2800\u3000\U000110bd\U000110cd\U00013430-\U0001343f" + INVISIBLE + "]"
)


def is_key_name(name):
    return 1 <= len(name.encode("utf-8")) <= 128 and not NOT_IN_KEY_NAMES.search(name)


def verifier_key(encoded):
    parts = encoded.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]) or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise ValueError("not a verifier key")
    name, key_id = parts[0], bytes.fromhex(parts[1])
    blob = strict_base64(parts[2])
    if not blob:
        raise ValueError("empty key")
    if blob[0] != 1:
        return Key(name, key_id, None)
    if len(blob) != 33 or hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4] != key_id:
        raise ValueError("not the key's id")
    return Key(name, key_id, blob[1:])


class Trust:
    """A trust document whose text has been interpreted."""

    def __init__(self, text):
        self.origin, pairs = head_lines(text, "trust/1", repeated=("key", "role", "revoke"))
        check_order(pairs, TRUST_KEYS, optional=("revoke",))
        head = dict(pairs)
        self.version, self.epoch = integer(head["version"]), integer(head["epoch"])
        self.issued, _ = seconds(head["issued"]), seconds(head["review-by"])
        if self.version < 1:
            raise Refused("trust", "bad-number")
        self.read_keys(values(pairs, "key"))
        self.revoked = {}  # when, by public key
        self.revocations = set()  # the values of the lines
        for value in values(pairs, "revoke"):
            self.add_revocation(value)
        if any(key.public in self.revoked for key in self.keys):
            raise Refused("trust", "revoked-key")
        self.roles = {}  # threshold and public keys
        for value in values(pairs, "role"):
            self.add_role(value)
        if "trust" not in self.roles:
            raise Refused("trust", "missing-role")

    def read_keys(self, lines):
        try:
            every = [verifier_key(line) for line in lines]
        except ValueError:
            raise Refused("trust", "bad-key")
        self.keys = [key for key in every if key.public]
        self.ignored = {key.name for key in every if not key.public}
        check_unique([key.name for key in every])
        check_unique([key.id for key in every])

    def add_role(self, value):
        name, *rest = value.split(" ")
        if not re.fullmatch(r"[a-z0-9-]+", name) or len(rest) < 2 or not all(rest):
            raise Refused("trust", "bad-role")
        if name in self.roles:
            raise Refused("trust", "duplicate-name")
        threshold, names = rest[0], rest[1:]
        by_name = {key.name: key.public for key in self.keys}
        if any(n not in by_name and n not in self.ignored for n in names):
            raise Refused("trust", "unknown-key")
        public = {by_name[n] for n in names if n in by_name}
        if not re.fullmatch(r"[1-9][0-9]?", threshold) or int(threshold) > min(16, len(public)):
            raise Refused("trust", "bad-threshold")
        self.roles[name] = (int(threshold), public)

    def add_revocation(self, value):
        match = re.fullmatch(r"(\S+) since (\S+) ([a-z0-9-]+)", value)
        try:
            key, since = verifier_key(match[1]), seconds(match[2])
        except (TypeError, ValueError, Refused):
            raise Refused("trust", "bad-revoke")
        if not key.public:
            return
        if key.public in self.revoked:
            raise Refused("trust", "duplicate-name")
        self.revoked[key.public] = since
        self.revocations.add(value)

    def verify(self, text, signatures, role, distrusted):
        """Verifies a text under this document without the distrusted keys, and
        returns the public keys that have signed."""
        if role not in self.roles:
            raise Refused("signature", "no-role")
        threshold, members = self.roles[role]
        keys = {(k.name, k.id): k for k in self.keys if k.public not in distrusted}
        good = set()
        for name, key_id, signature in signatures:
            key = keys.get((name, key_id))
            if not key:
                continue
            if not ed25519_verify(key.public, signature, text):
                raise Refused("signature", "bad-signature")
            good.add(key.public)
        if len(good & members) < threshold:
            raise Refused("signature", "threshold")
        return good


def values(pairs, key):
    return [value for k, value in pairs if k == key]


def check_unique(names):
    if len(set(names)) != len(names):
        raise Refused("trust", "duplicate-name")


@functools.cache  # each call runs a program
def ed25519_verify(public, signature, text):
    """Verifies with the openssl program, which wants files."""
    if len(signature) != 64:
        return False
    der = bytes.fromhex("302a300506032b6570032100") + public
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "signature", "text")]
        for path, data in zip(paths, (der, signature, text)):
            with open(path, "wb") as file:
                file.write(data)
        key, sig, msg = paths
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key]
        command += ["-rawin", "-in", msg, "-sigfile", sig]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


# --- Section 4: the chain ----------------------------------------------------


def read_trust(data):
    text, block = split(normalize(data), TRUST_TEXT_CAP)
    return text, signature_lines(block)


def pin(data):
    text, signatures = read_trust(data)
    trust = Trust(text)
    trust.verify(text, signatures, "trust", distrusted=())
    return trust


def extend(last, data):
    """Judges the document that follows the last one of a chain."""
    text, signatures = read_trust(data)
    last.verify(text, signatures, "trust", distrusted=())
    trust = Trust(text)
    trust.verify(text, signatures, "trust", distrusted=())
    if trust.origin != last.origin:
        raise Refused("trust", "wrong-origin")
    if trust.version != last.version + 1:
        raise Refused("trust", "bad-number")
    if trust.issued < last.issued:
        raise Refused("trust", "times-misordered")
    if trust.epoch < last.epoch:
        raise Refused("trust", "epoch-falls")
    if not last.revocations <= trust.revocations:
        raise Refused("trust", "revocation-lost")
    if trust.revocations > last.revocations and trust.epoch == last.epoch:
        raise Refused("trust", "epoch-stays")
    return trust


def walk(pinned, documents):
    chain = [pin(pinned)]
    for data in documents:
        try:
            chain.append(extend(chain[-1], data))
        except Refused:
            break
    return chain


# --- Section 5: which trust documents may vouch ------------------------------


ROLES = {"server-list": "list", "mirror-list": "mirrors"}


def vouch(chain, text, signatures, want):
    """Verifies a list's signatures under the chain."""
    name = want["type"].rpartition("/")[0]
    role = ROLES.get(name, name)
    newest = chain[-1]
    vouching, first_seen = [newest], None
    if want["held"] == "stored":
        vouching = chain
        first_seen = seconds(want["first_seen"]) if "first_seen" in want else None
    if want["held"] == "static":
        first_seen = next(trust.issued for trust in chain if trust.version == want["shipped"])
        vouching = [trust for trust in chain if trust.issued <= first_seen]
    distrusted = {
        public
        for public, since in newest.revoked.items()
        if first_seen is None or first_seen >= since
    }
    refusal = None
    for trust in reversed(vouching):
        try:
            return trust.verify(text, signatures, role, distrusted)
        except Refused as refused:
            refusal = refusal or refused
    for trust in chain:
        try:
            good = trust.verify(text, signatures, role, distrusted=())
        except Refused:
            continue
        if good & set(newest.revoked):
            raise Refused("signature", "revoked")
    raise refusal


# --- Section 7: bodies -------------------------------------------------------


class Number(str):
    """A number as it is written."""


class Wrong(Exception):
    """A member's value is not what the table says."""


def parse_line(line):
    """Parses one line, without its LF, strictly."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8")
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    if re.search(r"\s", outside):
        raise ValueError("spaces outside strings")
    depth = 0
    for c in outside:
        depth += (c in "{[") - (c in "}]")
        if depth > 8:
            raise ValueError("too deep")
    entry = json.loads(
        text,
        object_pairs_hook=unique,
        parse_int=Number,
        parse_float=Number,
        parse_constant=no_constant,
    )
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    check_strings(entry)
    return entry


def unique(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("member name twice")
    return dict(pairs)


def no_constant(name):
    raise ValueError(name + " is not JSON")


def check_strings(value):
    """Refuses lone surrogates, which Python's strings can hold."""
    if isinstance(value, dict):
        for name, member in value.items():
            check_strings(name)
            check_strings(member)
    elif isinstance(value, list):
        for member in value:
            check_strings(member)
    elif isinstance(value, str):
        value.encode("utf-8")  # UnicodeEncodeError is a ValueError


def members_as_written(line, table):
    """Returns the bytes of the members that the table does not have, of a line
    that has passed parse_line."""
    members, depth, start = [], 0, 1
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[][{},]', line):
        depth += (token[0] in b"{[") - (token[0] in b"}]")
        if (depth == 1 and token[0] == b",") or depth == 0:
            members.append(line[start : token.start()])
            start = token.end()
    unknown = []
    for member in filter(None, members):
        name = re.match(rb'"(?:[^"\\]|\\.)*"', member)[0]
        if json.loads(name) not in table:
            unknown.append(member)
    return unknown


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
SCRIPTS = (
    "\u0590-\u109f\u1780-\u1c7f\u1cd0-\u1cff\ua800-\uaaff\uabc0-\uabff\U00010800-\U00011fff\U0001e900-\U0001e95f"
)
EMOJI = "\u00a9\u00ae\u203c-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
VARIABLE = "\u1000-\u109f\u3400-\u9fff\ua840-\ua877\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U0003ffff"
USEFUL = re.compile(
    f"(?<=[{SCRIPTS}])\u200c|(?<=[{SCRIPTS}{EMOJI}\ufe0f])\u200d|(?<=[{EMOJI}])[\ufe0e-\ufe0f]"
    "|(?<=[#*0-9])\ufe0f(?=\u20e3)|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
    f"|(?<=[{VARIABLE}])[\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)
HIDDEN = re.compile(f"[{INVISIBLE}]")
FLAG = re.compile(
    "(?<=\U0001f3f4)\U000e0067\U000e0062"
    "(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
)


def hidden(text):
    """Tells whether a character that cannot be seen stands where it is of no use."""
    text = FLAG.sub("x", text)  # which can be seen, and after which none has a use
    return any(not USEFUL.match(text, found.start()) for found in HIDDEN.finditer(text))


def need(condition):
    if not condition:
        raise Wrong()


def is_string(value):
    return isinstance(value, str) and not isinstance(value, Number)


def text_of(value, longest=80, empty=True):
    need(is_string(value) and len(value) <= longest)
    need(not CONTROLS.search(value) and not hidden(value))
    need(empty or value)


def word(value):
    text_of(value, empty=False)


def slug(value):
    need(is_string(value) and re.fullmatch(r"[a-z0-9-]{1,64}", value))


def whole(value, low, high):
    need(isinstance(value, Number) and re.fullmatch(r"0|-?[1-9][0-9]{0,15}", value))
    need(low <= int(value) <= high)


def items(value, most, check, least=0):
    need(isinstance(value, list) and least <= len(value) <= most)
    for item in value:
        check(item)


def address(value):
    need(is_string(value))
    match = re.fullmatch(r"(.+):([1-9][0-9]{0,4})", value)
    need(match and int(match[2]) <= 65535)
    host(match[1])


def host(name):
    if name.startswith("["):
        need(name.endswith("]") and "%" not in name)
        return ip(ipaddress.IPv6Address, name[1:-1])
    labels = name.split(".")
    if re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", labels[-1]):
        return ip(ipaddress.IPv4Address, name)
    need(len(name) <= 253)
    for label in labels:
        need(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", label))


def ip(kind, value):
    try:
        kind(value)
    except ValueError:
        raise Wrong()


def language(value):
    need(is_string(value) and re.fullmatch(r"[A-Za-z0-9-]{1,35}", value))


def url(value):
    need(is_string(value) and re.fullmatch(r"[\x21-\x5b\x5d-\x7e]{1,2048}", value))
    need(not re.search(r"%(?![0-9A-Fa-f]{2})", value))
    match = re.fullmatch(r"https?://(\[[^]]*\]|[^/?#:]*)(:[^/?#]*)?([/?#].*)?", value)
    need(match)
    host(match[1])
    if match[2] is not None:
        address(match[1] + match[2])


def server_key(value):
    need(is_string(value))
    try:
        need(len(strict_base64(value)) == 32)
    except ValueError:
        raise Wrong()


def member(value, name, check):
    need(isinstance(value, dict) and name in value)
    check(value[name])


def endpoint(value):
    member(value, "role", slug)
    member(value, "protocol", slug)
    member(value, "address", address)


def probe(value):
    member(value, "protocol", slug)
    if "port" in value:
        whole(value["port"], 1, 65535)


def sha256_hex(value):
    need(is_string(value) and re.fullmatch(r"[0-9a-f]{64}", value))


def checks(value):
    member(value, "name", word)
    member(value, "sha256", sha256_hex)
    member(value, "size", lambda v: whole(v, 0, MAX_INT))


def boolean(value):
    need(isinstance(value, bool))


def mirror_url(value):
    url(value)
    need("#" not in value)


SERVER = {
    "id": slug,
    "name": word,
    "description": lambda v: text_of(v, 500),
    "game": slug,
    "version": text_of,
    "addresses": lambda v: items(v, 16, address, least=1),
    "key": server_key,
    "region": text_of,
    "languages": lambda v: items(v, 32, language),
    "tags": lambda v: items(v, 32, word),
    "website": url,
    "endpoints": lambda v: items(v, 16, endpoint),
    "probe": probe,
    "checks": checks,
}
MIRROR = {
    "id": slug,
    "operator": text_of,
    "region": text_of,
    "contact": lambda v: text_of(v, 500),
    "urls": lambda v: items(v, 8, mirror_url, least=1),
    "root": boolean,
}
TABLES = {
    "server-list/1": (SERVER, ("id", "name", "addresses")),
    "mirror-list/1": (MIRROR, ("id", "urls")),
}


def check_body(body, head, limit):
    size, digest = head["body"]
    if size > limit:
        raise Refused("body", "too-large")
    if body is None or len(body) < size:
        raise Refused("body", "truncated")
    if len(body) > size:
        raise Refused("body", "trailing-bytes")
    if hashlib.sha256(body).hexdigest() != digest:
        raise Refused("body", "wrong-hash")


def read_entries(body, kind, limits):
    """Returns the ids of the entries that are kept, and the reports."""
    table, required = TABLES[kind]
    lines = re.findall(rb"[^\n]*\n|[^\n]+", body)
    if len(lines) > limits.get("lines", LINES_CAP):
        raise Refused("body", "too-many-lines")
    ids, reports, count = [], [], 0
    for number, line in enumerate(lines, 1):
        try:
            entry, dropped = read_entry(line, table, required, limits.get("entry", ENTRY_CAP))
            if entry["id"] in ids:
                raise Refused("entry", "entry-repeated")
            ids.append(entry["id"])
        except Refused as refused:
            reports.append({"line": number, "reason": refused.reason})
            continue
        count += sum(elements(entry[name], name in table) for name in entry.keys() - dropped)
        if count > limits.get("elements", ELEMENTS_CAP):
            raise Refused("body", "too-many-elements")
        reports += [{"line": number, "reason": "member-dropped"} for _ in dropped]
    if len(reports) > MAX_REPORTS:
        reports[MAX_REPORTS:] = [{"reason": "reports-cut"}]
    return ids, reports


def elements(value, known):
    """Counts the elements that a member brings to its body."""
    if not known:
        return 1
    return len(value) if isinstance(value, list) else 0


def read_entry(line, table, required, limit):
    """Returns the entry and the names of the members that are dropped."""
    if not line.endswith(b"\n"):
        raise Refused("entry", "entry-malformed")
    if len(line) - 1 > limit:
        raise Refused("entry", "entry-too-large")
    try:
        entry = parse_line(line[:-1])
    except ValueError:
        raise Refused("entry", "entry-malformed")
    sizes = [len(m) for m in members_as_written(line[:-1], table)]
    if len(sizes) > UNKNOWN_CAP or sum(sizes) > UNKNOWN_BYTES_CAP:
        raise Refused("entry", "entry-unknown")
    dropped = []
    if any(name not in entry for name in required):
        raise Refused("entry", "entry-member")
    for name in entry.keys() & table.keys():
        try:
            table[name](entry[name])
        except Wrong:
            if name in required:
                raise Refused("entry", "entry-member")
            dropped.append(name)
    return entry, dropped


# --- Section 10: verdicts ----------------------------------------------------


def judge(folder):
    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    vector = json.loads(read("vector.json"))
    document = read(vector["document"])
    if "pinned" not in vector:
        return trust_verdict(pin(document))
    chain = walk(read(vector["pinned"]), map(read, vector.get("chain", [])))
    if vector["want"]["type"] == "trust/1":
        return trust_verdict(extend(chain[-1], document))
    return judge_list(document, chain, vector["want"], vector.get("limits", {}))


def trust_verdict(trust):
    return {"verdict": "holds", "version": trust.version, "epoch": trust.epoch}


def judge_list(document, chain, want, limits):
    kind = want["type"]
    text, rest = split(normalize(document), TEXT_CAP)
    block, body = split_body(rest)
    vouch(chain, text, signature_lines(block), want)
    head = list_head(text, want)
    if chain[-1].origin != want["origin"]:
        raise Refused("head", "wrong-origin")
    if head["epoch"] > chain[-1].epoch:
        raise Refused("head", "epoch-ahead")
    check_body(body, head, limits.get("body", BODY_CAPS[kind]))
    ids, reports = read_entries(body, kind, limits)
    return {
        "verdict": "holds",
        "version": head["version"],
        "epoch": head["epoch"],
        "entries": ids,
        "reports": reports,
    }


def main():
    try:
        verdict = judge(sys.argv[1])
    except Refused as refused:
        verdict = {"verdict": "refused", "layer": refused.layer, "reason": refused.reason}
    print(json.dumps(verdict))


if __name__ == "__main__":
    main()

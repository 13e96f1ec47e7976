"""What an expansion is drawn from: items, operators, conditions, variables, arguments that fit or do not."""

from __future__ import annotations

from random import Random

WORDS = (
    "", "a", "abc", "A.b-C", "one.test.ex", "a@one.test.ex", "10.9.1.1", "192.0.2.7", "2001:db8::1", "7",
    "-3",
    "0x1f", "08", "1K", "3d4h", "2w", "x y", " x ", "a:b::c", "<; a;b", "k1=v1 k2=\"v 2\"", "yes", "no",
    "true", "\\N^a\\N", "$domain", "$local_part", "$sender_address", "$primary_hostname", "$acl_m_x",
    "$sender_host_address", "$message_size", "$value", "$item", "$0", "$1", "$h_subject:", "$rheader_x:",
    "\\{", "a\\}b", "\\x41\\101\\t", "$$", "\\$x", "\u00e9", "=?utf-8?q?=C3=A9?=", "YWJj", "a%2fb", "5.5",
    "Group: a@b, \"c d\" <e@f>;", "q\"uote", "127.0.0.0/8", "99999999999", "$nosuch", "${nosuch:x}",
    "$tod_zone", "$version_number", "$h_x-acl:$bh_from:", "${if", "a,b, c", "[1,2]", "{\"k\":\"v\"}",
)  # fmt: skip
OPERATORS = (
    "address", "addresses", "base32", "base32d", "base62", "base62d", "base64", "base64d", "domain", "escape",
    "escape8bit", "eval", "eval10", "expand", "from_utf8", "hash_5", "hash_5_20", "headerwrap_20_60",
    "hex2b64",
    "hexquote", "ipv6denorm", "ipv6norm", "l_2", "length_3", "lc", "listcount", "listnamed", "listnamed_d",
    "local_part", "mask", "md5", "nhash_8", "nhash_8_3", "quote", "quote_local_part", "reverse_ip",
    "rfc2047", "rfc2047d", "rxquote", "sha1", "sha256", "sha2_512", "str2b64", "strlen", "substr_1_2",
    "substr_-2", "s_1", "time_eval", "time_interval", "uc", "utf8clean", "xtextd", "h_4", "nh_9", "sha3",
    "utf8_domain_to_alabel", "nosuch", "length", "eval_3", "bless",
)  # fmt: skip
SUMS = (
    "1+2*3", "7/2", "7%0", "(1+2)*-3", "1<<4|3", "~0", "5^3&6", "010+1", "0x10", "1K+1", "1.5", "2**3",
    "-(4)",
    "9223372036854775807+1", " 4 / 2 ", "1+", "(1", "7-10", "3 4", "1M>>3", "-7/2", "-7%4", "5/-1",
)  # fmt: skip
_PLAIN_CONDITIONS = (
    "eq", "eqi", "match", "match_domain", "match_address", "match_local_part", "match_ip", "inlist",
    "inlisti",
    "lt", "lti", "le", "lei", "gt", "gti", "ge", "gei", "<", "<=", "==", "=", ">", ">=", "nosuch",
)  # fmt: skip
_SINGLE_CONDITIONS = (
    "bool", "bool_lax", "isip", "isip4", "isip6", "exists", "def:domain", "def:h_subject:", "def:acl_m_x",
    "def:nosuch", "first_delivery", "queue_running", "!bool",
)  # fmt: skip
_LISTS = (
    "a:b:c",
    "",
    "<; 3;1;2",
    "b:a:B:A:",
    "::",
    "10:9:100",
    "x : y",
    "+locals",
    "*.test.ex : one.test.ex",
)
_DEPTH = 3


def expression(rng: Random, depth: int = _DEPTH) -> str:
    """An expansion, mostly a good one."""
    if depth == 0 or rng.random() < 0.25:
        return rng.choice(WORDS)
    kind = rng.choice(_KINDS)
    return kind(rng, depth - 1)


def _operator(rng: Random, depth: int) -> str:
    name = rng.choice(OPERATORS)
    if name.startswith("eval") and rng.random() < 0.8:
        return f"${{{name}:{rng.choice(SUMS)}}}"
    return f"${{{name}:{expression(rng, depth)}}}"


def _condition(rng: Random, depth: int) -> str:
    drawn = rng.random()
    if depth > 0 and drawn < 0.2:
        parts = "".join(f"{{{_condition(rng, depth - 1)}}}" for _ in range(rng.choice((0, 1, 2, 3))))
        return f"{rng.choice(('and', 'or', '!and'))}{{{parts}}}"
    if depth > 0 and drawn < 0.3:
        inner = _condition(rng, depth - 1).replace("$domain", "$item")
        return f"{rng.choice(('forany', 'forall'))}{{{rng.choice(_LISTS)}}}{{{inner}}}"
    if drawn < 0.5:
        name = rng.choice(_SINGLE_CONDITIONS)
        return name if name.startswith("def") or name[0] in "fq" else f"{name}{{{expression(rng, depth)}}}"
    not_ = "!" if rng.random() < 0.15 else ""
    name = rng.choice(_PLAIN_CONDITIONS)
    return f"{not_}{name}{{{expression(rng, depth)}}}{{{expression(rng, depth)}}}"


def _branches(rng: Random, depth: int) -> str:
    return rng.choice(
        (
            "",
            f"{{{expression(rng, depth)}}}",
            "{y$value}{n}",
            "{yes}{no}",
            "{$1-$value}fail",
            "{y}{n}{z}",
            " fail",
        )
    )


def _if(rng: Random, depth: int) -> str:
    return f"${{if {_condition(rng, depth)}{_branches(rng, depth)}}}"


def _one(rng: Random, depth: int) -> str:
    """An item with arguments in braces."""
    name, count = rng.choice(_ITEMS)
    arguments = "".join(f"{{{expression(rng, depth)}}}" for _ in range(count))
    return f"${{{name}{arguments}}}"


_ITEMS = (
    ("sg", 3), ("tr", 3), ("substr", 3), ("length", 2), ("hash", 2), ("nhash", 3), ("listquote", 2),
    ("acl", 2),
    ("hmac", 3), ("imapfolder", 1), ("sg", 2), ("readfile", 2), ("env", 1), ("prvs", 3), ("extract", 2),
)  # fmt: skip


def _numbered(rng: Random, depth: int) -> str:
    choice = rng.choice((
        "${extract{@}{:}{#}@}", "${extract{@}{#}@}", "${listextract{@}{#}@}", "${substr{@}{1}{#}}",
        "${hash{4}{#}}", "${length{@}{#}}", "${hmac{md5}{k}{#}}", "${hmac{sha1}{k}{#}}", "${extract{k1}{#}@}",
        "${sg{#}{\\N([a-c])\\N}{<\\$1>}}", "${tr{#}{abc}{xy}}", "${sg{#}{a}{b}}", "${listquote{;}{#}}",
        "${extract{2}{:}{#}@}", "${extract json{k}{#}@}", "${listextract{-1}{#}@}", "${substr_1_3:#}",
        "${prvs{#}{secret}}", "${prvscheck{#}{secret}{ok}}", "${base62:#}", "${escape:${base64d:#}}",
    ))  # fmt: skip
    number = rng.choice(("1", "2", "-1", "0", "9", "x", "k1", " 2 "))
    return (
        choice.replace("#", expression(rng, depth))
        .replace("@", number, 1)
        .replace("@", rng.choice(("", "{[$value]}{none}", "{$value}fail", "{}{}")), 1)
    )


def _lookup(rng: Random, depth: int) -> str:
    kind = rng.choice((
        "lsearch", "lsearch*", "partial-lsearch", "partial1(.)lsearch*@", "wildlsearch", "nwildlsearch",
        "iplsearch",
        "net-lsearch", "lsearch,ret=full", "dsearch", "dsearch,filter=file", "nosuch", "net24-iplsearch",
    ))  # fmt: skip
    file = rng.choice(("domains", "aliases", "hosts", "names", "nothing"))
    path = "/etc/lists" if kind.startswith("dsearch") else f"/etc/lists/{file}"
    return f"${{lookup{{{expression(rng, depth)}}} {kind}{{{path}}}{_branches(rng, depth)}}}"


def _list_item(rng: Random, depth: int) -> str:
    items = rng.choice((*_LISTS, expression(rng, depth)))
    inner = expression(rng, depth).replace("$domain", "$item")
    return rng.choice((
        f"${{map{{{items}}}{{<$item>{inner}}}}}", f"${{filter{{{items}}}{{{_condition(rng, depth)}}}}}",
        f"${{reduce{{{items}}}{{0}}{{$value+$item}}}}", f"${{sort{{{items}}}{{<}}{{$item}}}}",
        f"${{sort{{{items}}}{{gti}}{{$item}}}}", f"${{listcount:{items}}}",
        f"${{reduce{{{items}}}{{}}{{${{eval:${{strlen:$value}}+1}}}}}}",
        f"${{map{{{items}}}{{${{uc:$item}}}}}}",
    ))  # fmt: skip


def _joined(rng: Random, depth: int) -> str:
    return expression(rng, depth) + rng.choice(("", "-", ".", " ")) + expression(rng, depth)


_KINDS = (_operator, _operator, _operator, _if, _if, _one, _numbered, _numbered, _lookup, _list_item, _joined)

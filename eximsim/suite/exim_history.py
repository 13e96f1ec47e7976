"""The program that belongs to a tree: a release, taken back to the day of the tree.

A tree between two releases was tested with the program of its own commit. The table below is the history of
the program as far as a profile can express it, oldest first. A tree has reached a point if its commit
descends from the point's or, where there is no history to ask, if the tree holds the point's marker or that
of a later point. The newest point reached names the release in the making; what is younger than the tree is
undone in that profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType

from eximsim.profiles import changes_of
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that ``file`` (its path seen from ``test/``) holds from the point on, maybe not for ever."""

    file: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the program's history: a commit that changed switches, or that a tree can be told by.

    ``release`` is the profile in whose making it was, ``picks`` the commits that brought the same to
    another's fixes branch; ``before`` the switches as they were until then. ``marker`` lies in ``test/``;
    ``beside`` is nearer, but outside ``test/``, and counts where its file is there. A commit that changed
    nothing in ``test/`` but goldens has the marker of a neighbour. ``always``: a tree older than this has it
    undone even if the release was chosen by hand.
    """

    commit: str
    release: str
    before: Mapping[str, object] = field(default_factory=dict)
    marker: Marker | None = None
    beside: Marker | None = None
    picks: Mapping[str, str] = field(default_factory=dict)
    always: bool = False

    @property
    def releases(self) -> tuple[str, ...]:
        """The profiles in whose making it was, the oldest first."""
        return (*self.picks.values(), self.release)


def _point(
    commit: str,
    marker: tuple[str, str] | None = None,
    *,
    beside: tuple[str, str] | None = None,
    release: str = "",
    always: bool = False,
) -> Point:
    """A point; what the commit changed, and in the making of which release, the switches know."""
    changes = changes_of(commit)
    steps = [step for step, _ in changes.values()]
    return Point(
        commit,
        steps[0].release if steps else release,
        MappingProxyType({name: before for name, (_, before) in changes.items()}),
        Marker(*marker) if marker else None,
        Marker(*beside) if beside else None,
        steps[0].picks if steps else {},
        always,
    )


_5840 = "scripts/5840-DANE-OpenSSL/5840"
_SMTP_C = "../src/src/transports/smtp.c"
_OPENSSL_C = "../src/src/tls-openssl.c"

POINTS: Sequence[Point] = (
    _point("360c04926", (_5840, ""), release="4.85"),
    # 4.86
    _point("01a4a5c5c", ("confs/5601", "tls_verify_cert_hostnames =")),
    _point("6ebd79ec0", ("confs/0023", "acl_V4NET_99_99:")),
    _point(
        "4c01d6abf", ("confs/0481", "Remove-Me-Too2"), beside=(_OPENSSL_C, '"[%s] SSL verify error: depth')
    ),
    _point("93a6fce2e", ("src/server.c", "initial_pause"), beside=(_OPENSSL_C, r'name mismatch: \"%s\"",')),
    _point("bf7aabb41", (_5840, "### Recipient callout")),
    _point("4cea764f3", (_5840, "no_msglog_check")),
    _point("6aa849d38", (_5840, "dane.no.1")),
    _point("ae9d18bce", ("confs/0609", "")),
    # 4.87
    _point("08f3b11b3"),
    _point("23f3dc67a"),
    _point("5ef5dd52d"),
    _point("7f06582cc"),
    _point("e6d2a9894"),
    _point("f2f2c91b1", ("scripts/2100-OpenSSL/2112", "fail the crypt requirement"), always=True),
    _point("379ba7d06"),
    _point("8d468c4c1"),
    # 4.88
    _point("4b0fe3193", ("confs/5840", 'errors_to = ""')),
    _point("23bb69826"),
    _point(
        "2d5fdd539",
        ("confs/2120", "primary_hostname = thishost.test.ex"),
        beside=(_SMTP_C, "FAIL_FORCED\tNo TLSA record"),
    ),
    _point("fc16abb4d", ("confs/4804", "")),
    _point("c3f2eb9a7"),
    _point("b0d68adc8"),
    _point("8b9476ba5"),
    _point("ef3a1a30b"),
    _point("27b9e5f4d", ("scripts/0000-Basic/0555", "# Long response lines for fakedefer/fakereject")),
    _point("aa368db3c", ("aux-var-src/tls_conf_prefix", "chunking_advertise_hosts =")),
    _point("1435d4b24", ("confs/0099", "mxnonexist.test.ex")),
    _point("58fc5fb2e"),
    _point("a57ce043b"),
    _point("3cc3f7625", ("confs/0021", "LOG_SELECTOR=")),
    _point("ae5afa611", ("confs/2100", ".ifdef _HAVE_TLS")),
    _point("fb05276aa"),
    _point("8688d1775", ("runtest", "if (not $force_continue)")),
    _point("2760b518e", ("runtest", "run-summary.log")),
    # 4.89
    _point(
        "b999c4832",
        ("runtest", "# optional IDN2 variant conversions"),
        beside=(_OPENSSL_C, r"DN=\"%s\" H=\"%s\""),
    ),
    _point("29f678881"),
    _point("4c04137d7"),
    _point("bbc8ed071"),
    _point("02b41d710", ("runtest", "Server return code %d for test %d")),
    _point("1ebe15c3a"),
    _point("e1d04f48a"),
    # 4.90
    _point("cf0c61644", ("runtest", r"(TLS session: \(SSL")),
    _point("2546388c2"),
    _point("b9df1829d"),
    _point("875512a36"),
    _point("fc3f96af4", ("confs/4011", "")),
    _point("57cc27852", ("confs/0580", "")),
    _point("4c2471caf"),
    _point("42055a338"),
    _point("58c30e478"),
    _point(
        "5d6bdf01a", ("src/fakens.c", "    yield = NO_DATA;"), beside=(_SMTP_C, "sec ? FAIL_FORCED : DEFER")
    ),
    _point("ce889807c", (_5840, "\nexim -odq CALLER@dane.no.3"), release="4.90-dev-5d6bdf01a"),
    _point(
        "6b5242044",
        (_5840, "\nexim -odq CALLER@dane.no.3"),
        beside=("../doc/doc-txt/ChangeLog", "commandline_checks_require_admin"),
    ),
    _point("e39fdc855"),
    _point("f77197ae2", ("confs/4012", "")),
    _point("e69636bc9", ("confs/0211", ".ifdef LIST")),
    _point("14de8063d", ("confs/0227", "recipient/callout=no_cache,use_sender,random")),
    _point("833c70bc6", ("runtest", r"if not grep { /^\Q$test_config\E$/ }")),
    _point("fae8970db"),
    _point("32dfdf8ba"),
    _point("135e94969"),
    _point("2ac258501", ("scripts/4500-DKIM/4503", "rsa-sha512")),
    _point("dc4de9cc8"),
    _point("2cee425af", ("confs/4020", "interface =\t\tHOSTIPV4")),
    _point("0ab63f3de"),
    _point("2540f2f8e"),
    _point("acec9514b"),
    _point("e5ab0ba9e"),
    _point("9650d98a0"),
    _point("a79d88347"),
    _point("cc55f4208"),
    _point("18067c75f"),
    _point("72934ba73", ("confs/0275", "+no_such_list")),
    _point("ec62d0a95", ("scripts/2100-OpenSSL/2102", "# Make RSA authentication the only")),
    # 4.91
    _point("899b8bbc6", ("confs/5820", "# DANE/GnuTLS")),
    _point("2577f55f6"),
    _point("2c47372fa"),
    _point("57887eccb"),
    _point("6fbf35995"),
    _point("e3a69b62f"),
    _point("06fdb9f73"),
    _point("66387a737", ("confs/1009", "route_data = ROUTE_DATA OPT")),
    _point("286b9d5fa"),
    _point("2be324ee1"),
    _point("6741531cf"),
    _point("617d39327"),
    _point("c4b57fddc", ("confs/5861", "")),
    _point("2556b3c61"),
    _point("c679ee08b"),
    _point("ecce6d9ac"),
    _point("c85476e9d"),
    _point("91e974f5a"),
    _point("64b67b658"),
    # 4.92
    _point("2ddb4094c"),
    _point("d8d9f9301", ("aux-var-src/tls_conf_prefix", "dns_cname_loops = 9")),
    _point("74f1a4230"),
    _point("0a682b6cd", ("confs/0600", "x-test-header-truncated")),
    _point("8442641ee"),
    _point("7ea1237c7"),
    _point("1b76ad22a", ("confs/0618", "")),
    _point("ffbc20ed9"),
    _point("4e9287801", ("confs/5704", "")),
    _point("8fdf20fd8"),
    _point("75c121f07"),
    _point("a45431fa7", ("scripts/0000-Basic/0415", "exim -DARG1=4000G")),
    _point("ee8b80906", ("aux-var-src/tls_conf_prefix", ".ifdef _HAVE_PIPE_CONNECT")),
    _point("d12746bc1"),
    _point("5a2a0989e"),
    _point("67ea939cf"),
    _point("de6f74f29"),
    # 4.93
    _point("569a8b23a"),
    _point("959384646", ("confs/5707", "")),
    _point("e661a29c6"),
    _point("87abcb247"),
    _point("0a5441fcd"),
    _point("436bda2ac"),
    _point("df98a6ff2"),
    _point("17ccbda62"),
    _point("c5040dfdb"),
    _point("897024f1b", ("runtest", "AES256-SHAnnn:xxx")),
    _point("fc243e944"),
    _point("2d5bf0979"),
    _point("d9acfc1ce"),
    _point("4a1bd6b93"),
    _point("7a501c874"),
    _point("96eb7d2a5", ("confs/3451", "hosts_noproxy_tls = PEX")),
    _point("3f63e4619", ("confs/4050", "hosts_try_fastopen =\t:")),
    _point("efad2f414", ("confs/4050", "hosts_try_fastopen =\t:")),
    _point("eebcfa1cc"),
    _point("b436dd419"),
    _point("adb21834f"),
    _point("f3ebb786e"),
    _point("7b564712f", ("scripts/0000-Basic/0227", "err on mailfrom, with bad char")),
    _point("bd231acd0"),
    _point("dbbf21a75", ("confs/0264", "r_remain:")),
    _point("3462da30c"),
    _point("305f8921e"),
    _point("e54893330"),
    _point("d896cef5f"),
    _point("6219e0ec4", ("runtest", r"|10\.250)")),
    _point("5b2fd993e"),
    _point("d6c829b9a"),
    _point("8e78571a8"),
    _point("fa9e4a1d0"),
    _point("86ede124f"),
    _point("ab0e957b0", ("scripts/0000-Basic/0904", "Server rejects RCPT")),
    _point("11ce40d8d"),
    _point("140036346"),
    _point("2043336d3"),
    _point("da40b1ec6", ("confs/2002", "cipher_ $tls_in_cipher_std")),
    _point("d85cdeb5e"),
    # 4.94
    _point("81344b40e"),
    _point("6e0fddef0"),
    _point("258dfd012"),
    _point("c58803fd1"),
    _point("78598e6a6"),
    _point("c46396610"),
    _point("a55697acf"),
    _point("7d99cba1d"),
    _point("0d2e392e2"),
    _point("c8b050fd1"),
    _point("9438970c9"),
    _point("5bf8a5168"),
    _point("ff9663026"),
    _point("b273058b3"),
    _point("54a2a2a99"),
    _point("67a57a5af"),
    _point("568092148"),
    _point("137ae145e"),
    _point("a841a6eca"),
    _point("1950cf85b"),
    _point("d8024efa3", ("confs/0005", "$local_part_data")),
    _point("40bffa31b"),
    _point("fa0798c02", ("confs/0624", "")),
    _point("43ba45ce6"),
    _point("5990a2653"),
    _point("6b5b7e0ca"),
    # 4.95
    _point("bec94709e"),
    _point("99bfcf2b6", ("confs/5409", "")),
    _point("0de994525"),
    _point("cebf40279"),
    _point("83811e3c1"),
    _point("e2be2df5c"),
    _point("2983e1a61"),
    _point("5fbb51949"),
    _point("0851a3bbf"),
    _point("9eed571fd"),
    _point("65fe78025"),
    _point("3c90bbcdc"),
    _point("7044dd8fd", ("confs/5840", "+tls_sni")),
    _point("99350dede", ("confs/5801", "")),
    _point("0bfae1bfb"),
    _point("4cfb21b86"),
    _point("6a9cf7f89", ("confs/1102", "")),
    _point("a75ebe0dc"),
    _point("9604a8438"),
    _point("5c161fa61"),
    _point("843edb383"),
    _point("ca22cc0ab"),
    _point("37a81ae73"),
    _point("001bf8f58"),
    _point("e4e884faa"),
    _point("2081aac24", ("confs/4020", "pla $proxy_local_address")),
    _point("cf39dad3d"),
    _point("5cd1d1356"),
    _point("f870028fd"),
    _point(
        "79aa468aa",
        ("scripts/0000-Basic/0002", "ipv6norm:2a00:2:3:4:5:6:7:8}trailing_text"),
        beside=(_SMTP_C, "conn_args.host->name; /* force SNI */"),
    ),
    _point("36237af9c", ("confs/5802", "")),
    _point("eae427c64", ("confs/0420", "${quote:h: <")),
    _point("c1fb74d63"),
    _point("e7a0bf3f7"),
    _point("2f8e0a5f6", ("confs/0070", "hosts_require_helo =")),
    _point("1f1633046", ("confs/5710", "# output list separator changes")),
    _point("753739fde"),
    _point("889894461", ("scripts/0000-Basic/0604", "original1235@[foobar]")),
    _point("c4b408623", ("confs/1115", "")),
    # 4.96
    _point("c51f713ee"),
    _point("ce15be781"),
    _point("a375c22c1"),
    _point("22ed7a529"),
    _point("1843f70b7"),
    _point("05b70ebcd"),
    _point("ea98874e2"),
    _point("78a84fffe"),
    _point("5ddebd0ec"),
    _point("ef2e5890d"),
    _point("dd09071d4", ("runtest", "# Time-only, in debug output")),
    _point("9f6916601"),
    _point("19fdbfb4a", ("confs/0628", "")),
    _point("7ad863f38"),
    _point("b249717db"),
    _point("8f2cf8f5a"),
    _point("376d3790b", ("scripts/0000-Basic/0471", "exim -d -odq r5@test.ex")),
    _point("4191cb150"),
    _point("564960ff8"),
    _point("5800e3234", ("confs/0101", "$local_part_data'")),
    _point("cfe6acff2", ("confs/0594", "force_command")),
    _point("2b68e140a", ("runtest", r"(.*[:.])\d+$/$1 ${2}9999")),
    # 4.97
    _point("1745d310d", ("confs/0567", "Authentication-Results")),
    _point("2b3ac4f13"),
    _point("9c254e6f5"),
    _point("cfd47d9e7"),
    _point("7d5055276"),
    _point("6d0500659"),
    _point("e7ec50372"),
    _point("c6887a05b"),
    _point("a31b8b2c9"),
    _point("7a97480c2", ("aux-fixed/event-logger-acl", "auth fail")),
    _point("b855ee2fb", ("runtest", "# Postgre DB server PID")),
    _point("9b5fdee11"),
    _point("415c5379a"),
    _point("fc37f2aca"),
    _point("520ef00f5"),
    _point("85f4056d7"),
    _point("cfeaa009b"),
    _point("8ff2ba119"),
    _point("3607e3e00"),
    _point("35d78f064"),
    _point("4243a209f"),
    _point("4f7a93c27"),
    _point("1d38781da"),
    _point("6fc54bd18"),
    _point("e1aca3375"),
    _point("30520c8f8", ("scripts/2100-OpenSSL/2149", "EC-groups negotiation")),
    _point("42f1855e9"),
    _point("aae673d7d"),
    _point("3b06efc10"),
    _point("3531d1a75"),
    _point("46a36afae", ("runtest", "000000005vi")),
    _point("1209e3e19"),
    _point("8dcd332fb"),
    _point("6d9b05ae2", ("scripts/4690-DMARC-ARC/4690", "")),
    _point("92914be21", ("confs/0612", "local_parts =\trmt_fakereject")),
    # 4.98
    _point("e2b4dedbc", ("scripts/4500-DKIM/4500", "\n# (G)\n")),
    _point("f70940c94"),
    _point("4f780c09d"),
    _point("e4cdc6558"),
    _point("44e35f5f5"),
    _point("b0e63c7ef", ("confs/0475", "log_selector = +unknown_in_list")),
    _point("ce336ea1a"),
    _point("5bb786d5a"),
    _point("80bacd22c"),
    _point("12fab4b0a"),
    _point("d0e4bb183", ("scripts/0000-Basic/0905", "#RCPT TO:<b@test.ex>")),
    _point("cd8cb71de"),
    _point("f2738aab2"),
    _point("c71f86982"),
    _point("a1caa6da6"),
    _point("4e19eed51"),
    _point("a600ccb4a"),
    _point("5e0ccec43"),
    _point("4fd2b1700"),
    _point("1d2868b2d"),
    _point("9d7795dba", ("runtest", r"mx=\S+ sort=\K\S+/xx/")),
    _point("b97c55112", ("confs/0637", "")),
    _point("1b3209b05", ("scripts/4000-scanning/4000", 'name*0="example4";')),
    # 4.99
    _point("7b505d288"),
    _point("6061fbe9f"),
    _point("c8b8b6c7b"),
    _point("f90a37225"),
    _point("fbc48a247"),
    _point("6748707c6"),
    _point("ee549a2ed"),
    _point("f3ee1d51e", ("scripts/0000-Basic/0209", "450 Temporary error 3")),
    _point("a5e7a6420"),
    _point("237b2df13"),
    _point("19c4ea037"),
    _point("e7a31a822"),
    _point("1e32c64d1"),
    _point("4f05f0f1d", ("aux-fixed/4137.list", "")),
    _point("77cbc05db"),
    _point("9d66ba85a"),
    _point("aa7920076", ("confs/0109", "fallback_hosts = OPTION")),
    _point("593058763", ("runtest", "Listening...$/n")),
    _point("717a9055f", ("scripts/0000-Basic/0467", "-DSRV=nosuch1:smtp2:nosuch2")),
    _point("78e481bba"),
    _point("9adabf8d8"),
    _point("4e36acaf2"),
    _point("1cc26cd7a", ("confs/4060", "tls_verify_cert_hostnames = :")),
    _point("123639cf8"),
    _point(
        "ef0a7560d", ("confs/4061", "CONNECTCOND="), beside=("../src/src/receive.c", "add_tls_info_for_log")
    ),
    _point("cb53c27eb"),
    _point("e574e6fad"),
    _point("7b411755d", ("confs/1160", "+protocol_detail")),
    _point("b48617592"),
    _point("62cb2938c"),
    _point("b2b170e67"),
    _point("79344067b"),
    _point("dba85d116", ("runtest", r"next if /^\s*host_fake_gethostbyname")),
    _point("46ff3250f"),
    _point("9682a4923"),
    _point("24e159d7b", ("scripts/4650-DMARC/4650", "CALLER@not-exist.test.ex")),
    _point("13029e1cd"),
    _point("feb961184"),
    _point("752d1b689"),
    _point("746134b01"),
    _point("7c88517fd"),
    _point("b3a32a6cc", ("confs/0640", ""), release="4.99"),
    _point("e03a4451c"),
    _point("dddc92898"),
    _point("baad2e56c", ("scripts/0000-Basic/0640", "msg1@test.ex msg1b@test.ex msg1@test.ex")),
    _point("c7b6065cb"),
    _point("dea05068d"),
    _point("140c289d1", ("confs/0616", "+received_recipients +millisec")),
    _point("3c24de41a", ("confs/4608", "")),
    _point("ee1435878"),
)
"""Oldest first, as far as the history is a line."""

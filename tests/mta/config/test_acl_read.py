from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.mta.config.acl_read import read_inline
from tests.mta.configurations import fault, read


def test_an_acl_is_verbs_with_conditions_in_order() -> None:
    config = read(
        """
begin acl
first:
  deny    message = no \\
                    way
          !hosts = +relay
  accept
SECOND = 1
second:
  warn set acl_m_x = SECOND
  accept hosts = :
         endpass
         verify = recipient/callout
"""
    )
    first, second = config.acls["first"], config.acls["second"]
    assert [verb.verb for verb in first] == ["deny", "accept"]
    assert [(c.name, c.argument, c.negated, c.line) for c in first[0].conditions] == [
        ("message", "no way", False, 4),
        ("hosts", "+relay", True, 6),
    ]
    assert [verb.line for verb in first] == [5, 7], "Exim names the last line of one that is continued"
    assert first[1].conditions == ()
    assert [(c.name, c.argument) for verb in second for c in verb.conditions] == [
        ("set", "acl_m_x = 1"),
        ("hosts", ":"),
        ("endpass", ""),
        ("verify", "recipient/callout"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("permit", 'unknown ACL verb "permit" in "permit"'),
        ("!accept", 'malformed ACL line "!accept"'),
        ("accept weather = fine", 'unknown ACL condition/modifier in "accept weather = fine"'),
        ("accept !message = a", 'ACL error: negation is not allowed with "message"'),
        ("deny endpass", 'ACL error: "endpass" is not allowed with "deny"'),
        ("accept hosts", '"=" missing after ACL "hosts" condition'),
        ("accept message", '"=" missing after ACL "message" modifier'),
        ("warn set x = 1", 'ACL modifier "set x = 1" (must start "acl_c" or "acl_m")'),
        ("warn set acl_mx = 1", '"set acl_mx = 1" (digit or underscore must follow acl_c or acl_m)'),
        (
            "warn set acl_m_x-y = 1",
            'invalid character "-" in variable name in ACL modifier "set acl_m_x-y = 1"',
        ),
        ("warn set dkim_verify_statusx = 1", '(only "dkim_verify_status" or "dkim_verify_reason" permitted)'),
        ("warn set acl_m1", '"=" missing after ACL "set" modifier'),
    ],
)
def test_what_exim_refuses_in_an_acl_is_refused(line: str, expected: str) -> None:
    message = fault(f"begin acl\na:\n  {line}\n")
    assert message.startswith("/conf/main:3: error in ACL: ")
    assert expected in message


def test_a_condition_that_came_later_is_unknown_before() -> None:
    text = "begin acl\na:\n  warn seen = -5m\n"
    assert read(text, release="4.96").acls["a"][0].conditions[0].name == "seen"
    assert "unknown ACL condition/modifier" in fault(text, release="4.95")


def test_what_dkim_says_can_be_set_from_4_90_on() -> None:
    text = "begin acl\na:\n  warn set dkim_verify_reason = odd\n"
    assert read(text, release="4.90").acls["a"][0].conditions[0].name == "set"
    assert fault(text, release="4.89").endswith('(must start "acl_c" or "acl_m")')


def test_two_acls_of_one_name_and_lines_without_an_acl_are_refused() -> None:
    assert 'there are two ACLs called "a"' in fault("begin acl\na:\na:\n")
    assert "missing or malformed ACL name" in fault("begin acl\naccept\n")


def test_an_acl_in_a_string_may_have_several_lines() -> None:
    verbs = read_inline("deny hosts = a \\\n  # comment\n  : b\n\n# comment\naccept")
    found = [(verb.verb, [c.argument for c in verb.conditions]) for verb in verbs]
    assert found == [("deny", ["a : b"]), ("accept", [])]
    with pytest.raises(InputError, match=r"^error in ACL: unknown ACL verb"):
        read_inline("permit")
    assert [verb.verb for verb in read_inline("accept\nname:\ndeny")] == ["accept"]
    assert read_inline("K0xP==") == ()

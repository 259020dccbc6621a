"""Proxy addresses, X500 and LegacyExchangeDN."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.proxy_addresses import (
    ProxyAddress,
    domain_of,
    is_soft_deleted_dn,
    knows_legacy_dn,
    read_address,
    read_addresses,
    same_legacy_dn,
    smtp_addresses,
    x500_address,
)

DN = (
    "/o=contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
    "/cn=Recipients/cn=9c8dfff651ec4908950f5df60cbbda06-pilarp"
)
OTHER_DN = DN.replace("pilarp", "annb")
DELETED_DN = (
    "CN=dakota.sanchez,OU=Soft Deleted Objects,OU=contoso.onmicrosoft.com,"
    "OU=Microsoft Exchange Hosted Organizations,DC=EURPR07A005,DC=prod,DC=outlook,DC=com"
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("SMTP:ann.beebe@contoso.com", ProxyAddress("SMTP", "ann.beebe@contoso.com", primary=True)),
        ("smtp:annb@contoso.onmicrosoft.com", ProxyAddress("SMTP", "annb@contoso.onmicrosoft.com")),
        (f"X500:{DN}", ProxyAddress("X500", DN, primary=True)),
        (f"x500:{DN}", ProxyAddress("X500", DN)),
        (DN, ProxyAddress("X500", DN)),
        ("SIP:ann@contoso.com", ProxyAddress("SIP", "ann@contoso.com", primary=True)),
        ("EUM:1234;phone-context=x", ProxyAddress("EUM", "1234;phone-context=x", primary=True)),
        ("ann@contoso.com", ProxyAddress("SMTP", "ann@contoso.com")),
        ("", ProxyAddress("SMTP", "")),
    ],
)
def test_a_proxy_address_has_a_prefix_and_is_primary_by_its_case(text: str, address: ProxyAddress) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["SMTP:a@x.org", "smtp:a@x.org", f"X500:{DN}", "SIP:a@x.org"])
def test_a_proxy_address_is_written_as_it_came(text: str) -> None:
    assert str(read_address(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        ["SMTP:a@x.org", "smtp:b@x.org", f"X500:{DN}"],
        f"{{SMTP:a@x.org, smtp:b@x.org, X500:{DN}}}",
        f"SMTP:a@x.org,smtp:b@x.org,X500:{DN}",
        f"SMTP:a@x.org smtp:b@x.org X500:{DN}",
        f"X500:{DN};SMTP:a@x.org;smtp:b@x.org",
    ],
)
def test_several_addresses_come_as_a_list_or_as_one_text(value: object) -> None:
    found = read_addresses(value)

    assert smtp_addresses(found) == {"a@x.org", "b@x.org"}
    assert knows_legacy_dn(DN, "", found)


def test_addresses_are_the_same_whatever_their_case_and_rank() -> None:
    assert read_address("SMTP:Ann@Contoso.com").same_as(read_address("smtp:ann@contoso.com"))
    assert not read_address("SMTP:ann@contoso.com").same_as(read_address("SIP:ann@contoso.com"))


@given(st.text(alphabet=string.ascii_letters + string.digits + "/=- ().", min_size=1).filter(str.strip))
def test_legacy_dns_are_compared_without_regard_to_case(text: str) -> None:
    assert same_legacy_dn(text, text.swapcase())
    assert knows_legacy_dn(text.upper(), text.lower(), ())
    assert knows_legacy_dn(text.upper(), "", [read_address(x500_address(text).lower())])


def test_a_target_is_known_under_its_own_dn_and_its_x500_addresses_alone() -> None:
    assert knows_legacy_dn(DN, DN.upper(), ())
    assert knows_legacy_dn(DN, OTHER_DN, read_addresses([f"x500:{DN}"]))
    assert not knows_legacy_dn(DN, OTHER_DN, read_addresses(["SMTP:a@x.org", f"X400:{DN}"]))
    assert not knows_legacy_dn("", "", ())


@pytest.mark.parametrize(
    ("address", "domain"),
    [("ann@Contoso.COM", "contoso.com"), ("a@b@c.org", "c.org"), ("annb", ""), ("", "")],
)
def test_a_domain_is_what_follows_the_last_at(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("dn", "deleted"),
    [
        (
            DELETED_DN,
            True,
        ),
        ("cn=a,ou=soft deleted objects,dc=x", True),
        ("CN=annb,OU=contoso.onmicrosoft.com,DC=x", False),
        ("CN=The Soft Deleted Objects,OU=contoso.onmicrosoft.com,DC=x", False),
        ("", False),
    ],
)
def test_a_deleted_mailbox_is_told_by_its_dn(dn: str, deleted: bool) -> None:
    assert is_soft_deleted_dn(dn) is deleted


@given(st.text() | st.lists(st.text()))
def test_nothing_makes_it_raise(value: object) -> None:
    assert all(isinstance(address, ProxyAddress) for address in read_addresses(value))

"""Reads and compares proxy addresses, X500 addresses and LegacyExchangeDNs. Pure.

Exchange compares all of them without case.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bulkps.exchange.psobject import listed

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,15}(?=:)")
# An X500 address may hold commas and blanks: a new address begins where a prefix does.
# The pattern takes everything between two addresses at once, and is not tried again from the middle.
_BETWEEN = re.compile(r"(?<![\s,;])[\s,;]++(?=[A-Za-z][A-Za-z0-9-]{0,15}:)|[,;]\s*+(?=[^\s,;/=@]++@)")


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """One entry of EmailAddresses.

    Attributes:
        prefix: In upper case: ``SMTP``, ``X500``, ``SIP``, ``X400``, ``EUM``, ….
        address: The text after the colon, unchanged.
        primary: Whether it is the reply address of its kind: its prefix is in upper case.
    """

    prefix: str
    address: str
    primary: bool = False

    def __str__(self) -> str:
        return f"{self.prefix if self.primary else self.prefix.lower()}:{self.address}"

    def same_as(self, other: "ProxyAddress") -> bool:
        """Return whether Exchange treats both as one address: case and being primary do not matter."""
        return (self.prefix, self.address.casefold()) == (other.prefix, other.address.casefold())


def read_address(text: str) -> ProxyAddress:
    """Return one proxy address; without a prefix ``/o=…`` is X500 and anything else SMTP. Never raises."""
    text = text.strip()
    if found := _PREFIX.match(text):
        prefix = found.group()
        return ProxyAddress(prefix.upper(), text[len(prefix) + 1 :].strip(), prefix == prefix.upper())
    return ProxyAddress("X500" if text[:1] == "/" else "SMTP", text)


def read_addresses(value: object) -> tuple[ProxyAddress, ...]:
    """Return the proxy addresses of EmailAddresses: a list, or one text. Never raises."""
    return tuple(read_address(text) for text in listed(value, _BETWEEN))


def smtp_addresses(addresses: Iterable[ProxyAddress]) -> frozenset[str]:
    """Return the SMTP addresses among *addresses*, folded for comparison."""
    return frozenset(one.address.casefold() for one in addresses if one.prefix == "SMTP" and one.address)


def x500_address(legacy_dn: str) -> str:
    """Return the proxy address that makes a recipient known under *legacy_dn*."""
    return f"X500:{legacy_dn.strip()}"


def same_legacy_dn(one: str, other: str) -> bool:
    """Return whether two LegacyExchangeDNs are the same and not empty."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


def knows_legacy_dn(legacy_dn: str, own: str, addresses: Iterable[ProxyAddress]) -> bool:
    """Return whether a recipient has, or had, *legacy_dn*.

    Args:
        legacy_dn: The LegacyExchangeDN to search for.
        own: The recipient's own LegacyExchangeDN.
        addresses: Its proxy addresses; only the X500 ones count.
    """
    known = [own, *(one.address for one in addresses if one.prefix == "X500")]
    return any(same_legacy_dn(legacy_dn, one) for one in known)


def domain_of(address: str) -> str:
    """Return the text after the last ``@`` of an address, folded; empty if there is no ``@``."""
    return address.rpartition("@")[2].strip().casefold() if "@" in address else ""


def is_soft_deleted_dn(distinguished_name: str) -> bool:
    """Return whether a DistinguishedName is that of a deleted (soft-deleted or inactive) mailbox."""
    return bool(re.search(r"(?i)(?:^|,)\s*OU=Soft Deleted Objects\s*,", distinguished_name))

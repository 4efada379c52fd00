"""Host names and the organisations behind them, by the Public Suffix List that comes with its package: no network."""

import ipaddress
from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1)
def _official() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


@lru_cache(maxsize=20_000)
def organisation(host: str) -> str:
    """`mail.example.co.uk` -> `example.co.uk`; an IP address or a bare suffix is its own organisation."""
    host = host.strip().strip(".").lower()
    if not host or is_ip(host):
        return host
    return _suffixes().privatesuffix(host) or host


@lru_cache(maxsize=20_000)
def suffix(host: str) -> str:
    """The public suffix: `co.uk` of `mail.example.co.uk`."""
    return "" if is_ip(host) else (_suffixes().publicsuffix(host) or "")


@lru_cache(maxsize=20_000)
def rented(host: str) -> bool:
    """Whether a company lets anybody register beneath the host's suffix (the list's private part): `pages.dev`."""
    return not is_ip(host) and suffix(host) != _official().publicsuffix(host)


def aligned(one: str, other: str) -> bool:
    """Relaxed alignment as in DMARC: both belong to one organisation."""
    return bool(one and other) and organisation(one) == organisation(other)


@lru_cache(maxsize=20_000)
def is_ip(host: str) -> bool:
    """Whether a host is an address of IPv4 or IPv6, as browsers read it (decimal, octal and hex forms too)."""
    bare = host.strip("[]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return bare.isdigit() or bare.startswith("0x")
    return True

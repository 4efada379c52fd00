"""Which addresses a probe may connect to: decided on the address itself, at the moment of connecting.

A name is resolved once and the connection goes to just those addresses, so that a name that changes its mind between
look-up and connection (DNS rebinding) gains nothing. Redirects connect anew and are judged anew.
"""

import asyncio
import ipaddress
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

CARRIER = ipaddress.ip_network("100.64.0.0/10")
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # not 64:ff9b:1::/48, which stays in one's own network
UNICAST = ipaddress.ip_network("2000::/3")  # all that the open internet has of IPv6
TEREDO = ipaddress.ip_network("2001::/32")


class Refused(Exception):
    """The address belongs to a private network, and the check is not allowed there.

    No OSError: those the client wraps into errors of its own, among which a refusal would be taken for an outage.
    """


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet; mapped, 6to4 and NAT64 ones are judged by what hides in them."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and address not in CARRIER
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner:
        return is_public(str(inner))
    return address.is_global and address in UNICAST and address not in TEREDO


class GuardedResolver(AbstractResolver):
    """The system's resolver, whose answers are all public or refused as a whole."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        private = [entry[4][0] for entry in found if not is_public(str(entry[4][0]))]
        if private:
            raise Refused(f"{host} is {private[0]}, an address of a private network")
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is kept."""


class GuardedConnector(aiohttp.TCPConnector):
    """Also refuses addresses that are written out: those never reach a resolver."""

    def __init__(self, **options: Any) -> None:
        super().__init__(resolver=GuardedResolver(), use_dns_cache=False, **options)

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        if _is_address(host) and not is_public(host):
            raise Refused(f"{host} is an address of a private network")
        return await super()._resolve_host(host, port, traces)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True

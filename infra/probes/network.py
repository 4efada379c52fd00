"""Below HTTP: certificates, names, ports."""

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import dns.exception
import dns.rdatatype

from infra.probes.base import Observation, Verdict, World, down
from infra.probes.guard import Refused, is_public
from infra.probes.http import _name, _since, expiry_of


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Whether a port takes connections."""

    host: str
    port: int
    timeout: float = 10.0
    private: bool = False

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                address = await resolve(self.host, self.port, private=self.private)
                _, writer = await asyncio.open_connection(address, self.port)
                latency = _since(started)
                writer.close()
            return Observation(Verdict.UP, f"Connected in {latency:.0f} ms", latency)
        except TimeoutError:
            return down(f"No connection within {self.timeout:g} s.", _since(started))
        except Refused as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}.")
        except OSError as error:
            return down(f"No connection: {_name(error)}.", _since(started))


@dataclass(frozen=True, slots=True)
class TlsProbe:
    """How long the certificate is still good: degraded below `warn_days`, down when it is not good at all."""

    host: str
    port: int = 443
    warn_days: int = 30
    timeout: float = 10.0
    private: bool = False

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                address = await resolve(self.host, self.port, private=self.private)
                context = ssl.create_default_context()
                _, writer = await asyncio.open_connection(
                    address, self.port, ssl=context, server_hostname=self.host
                )
                certificate = writer.get_extra_info("peercert")
                writer.close()
        except TimeoutError:
            return down(f"No TLS connection within {self.timeout:g} s.", _since(started))
        except Refused as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}.")
        except ssl.SSLCertVerificationError as error:
            return down(f"Its certificate is not good: {error.verify_message}.", _since(started))
        except (ssl.SSLError, OSError) as error:
            return down(f"No TLS connection: {_name(error)}.", _since(started))
        return self._judge(expiry_of(certificate), _issuer(certificate), _since(started))

    def _judge(self, expires: datetime | None, issuer: str, latency: float) -> Observation:
        if expires is None:
            return Observation(Verdict.UNKNOWN, "The certificate does not say when it runs out.", latency)
        days = (expires - datetime.now(UTC)).total_seconds() / 86_400
        facts = {"tls_expires_at": expires.isoformat(), "tls_issuer": issuer, "days": round(days, 1)}
        if days < self.warn_days:
            stage = next(limit for limit in (7, 14, self.warn_days) if days < limit)
            return Observation(
                Verdict.DEGRADED,
                f"The certificate runs out in {days:.0f} days (less than {stage}).",
                latency,
                facts,
            )
        return Observation(Verdict.UP, f"The certificate is good for {days:.0f} days", latency, facts)


@dataclass(frozen=True, slots=True)
class DnsProbe:
    """Whether a name has the records that it should: exactly these with `exact`, else at least these."""

    name: str
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT"] = "A"
    expect: tuple[str, ...] = ()
    exact: bool = False
    timeout: float = 10.0

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            answer = await world.resolver.resolve(self.name, self.record, lifetime=self.timeout)
        except dns.resolver.NXDOMAIN:
            return down(f"{self.name} does not exist.", _since(started))
        except dns.resolver.NoAnswer:
            found: list[str] = []
        except dns.exception.DNSException as error:
            return Observation(
                Verdict.UNKNOWN, f"No name server answered: {type(error).__name__}.", _since(started)
            )
        else:
            found = sorted(_text(one.to_text()) for one in answer)
        return self._judge(found, _since(started))

    def _judge(self, found: list[str], latency: float) -> Observation:
        wanted = {_text(one) for one in self.expect}
        facts = {"records": found[:20]}
        missing, extra = sorted(wanted - set(found)), sorted(set(found) - wanted)
        if not found:
            return Observation(Verdict.DOWN, f"{self.name} has no {self.record} record.", latency, facts)
        if missing:
            return Observation(
                Verdict.DOWN, f"Missing: {', '.join(missing)}; found {', '.join(found[:5])}.", latency, facts
            )
        if self.exact and extra:
            return Observation(Verdict.DEGRADED, f"Not expected: {', '.join(extra)}.", latency, facts)
        return Observation(Verdict.UP, f"{self.record} {', '.join(found[:3])}", latency, facts)


async def resolve(host: str, port: int, *, private: bool) -> str:
    """The first address of a host; `Refused` when any of them is private and that is not allowed."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not private and not is_public(address):
            raise Refused(f"{host} is {address}, an address of a private network")
    return addresses[0]


def _issuer(certificate: Any) -> str:
    """Who signed a certificate: the organisation, else its name."""
    parts = {name: value for pairs in (certificate or {}).get("issuer", ()) for name, value in pairs}
    return str(parts.get("organizationName") or parts.get("commonName") or "")[:100]


def _text(record: str) -> str:
    """A record as it is compared: lower case, without the last dot and quotes."""
    return record.strip().strip('"').rstrip(".").lower()

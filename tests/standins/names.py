"""A name server on loopback, over UDP: each name has answers that it gives one after the other, the last for ever."""

import socket
import threading
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

V4, V6 = dns.rdatatype.A, dns.rdatatype.AAAA


class NameServer:
    """`answers["www.example"] = [["192.0.2.1"], ["10.0.0.1", "::1"]]`; `asked` counts questions by name and type."""

    def __init__(self) -> None:
        self.answers: dict[str, Sequence[Sequence[str]]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def resolver(self) -> dns.asyncresolver.Resolver:
        """A client that asks nobody else."""
        found = dns.asyncresolver.Resolver(configure=False)
        found.nameservers = ["127.0.0.1"]
        found.port = self._socket.getsockname()[1]
        found.lifetime = 5.0
        return found

    def _serve(self) -> None:
        while question := self._socket.recvfrom(4096):
            wire, sender = question
            if not wire:
                return
            self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), asked.rdtype
        if name not in self.answers:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply
        key = (name, dns.rdatatype.to_text(kind))
        turns = self.answers[name]
        given = turns[min(self.asked[key], len(turns) - 1)]
        self.asked[key] += 1
        fitting = [one for one in given if (V6 if ":" in one else V4) == kind]
        if fitting:
            reply.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, *fitting))
        return reply

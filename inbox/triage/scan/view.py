"""A message as the scan looks at it: links taken apart, text folded, each worked out once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from inbox.mail.parsed import Link, Parsed
from inbox.triage.domains import organisation
from inbox.triage.scan import phrases
from inbox.triage.scan.folding import words
from inbox.triage.scan.lexicon import Hosts, covers, hosts, weights
from inbox.triage.scan.urls import Url, web
from inbox.triage.verdicts import Signal, Surroundings

_HOST = re.compile(r"[\w.-]+|\[[0-9a-f:.]+\]")
_NAMESPACES = ("w3.org", "schemas.microsoft.com")
SPOKEN = re.compile(r"[^\W\d_]{2,}")
WORDS = 4_000  # of a text: what phishing wants stands at its beginning
SHORT = 60  # a text with fewer words says so little that its alternatives count as well


@dataclass(frozen=True)
class View:
    """`failed` is what the authentication stage found out; everything else comes from the message itself."""

    mail: Parsed
    known: Surroundings
    facts: dict[str, bool]

    @cached_property
    def hosts(self) -> Hosts:
        return hosts()

    @cached_property
    def sender_host(self) -> str:
        return self.mail.sender.domain

    @cached_property
    def sender(self) -> str:
        """The sender's organisation, such as example.com."""
        return organisation(self.sender_host)

    @cached_property
    def from_freemail(self) -> bool:
        return covers(self.hosts.freemail, self.sender_host)

    @cached_property
    def name_words(self) -> list[str]:
        return words(self.mail.sender.name[:300], 40)

    @cached_property
    def subject_words(self) -> list[str]:
        return words(self.mail.subject[:500], 80)

    @cached_property
    def text(self) -> str:
        """What a reader takes in: text, what stands in for pictures, and the plain version when there is little."""
        seen = " \n ".join([self.mail.text[:40_000], *dict.fromkeys(self.mail.image_texts[:40])])
        if len(seen) < SHORT * 6 and self.mail.plain:
            seen += " \n " + self.mail.plain[:10_000]
        return seen

    @cached_property
    def spoken(self) -> int:
        """How many words a reader sees, numbers and single letters aside."""
        return len(SPOKEN.findall(self.mail.text[:200_000]))

    @cached_property
    def text_words(self) -> list[str]:
        return words(self.text, WORDS)

    @cached_property
    def phrases(self) -> dict[str, list[str]]:
        everything = f"{self.mail.subject} \n {self.mail.sender.name} \n {self.text}"
        return phrases.find([*self.subject_words, "\n", *self.name_words, "\n", *self.text_words], everything)

    @cached_property
    def links(self) -> list[tuple[Link, Url]]:
        """Web links that a reader can follow; a namespace is none, nor is what only names a place in the mail."""
        found = []
        for link in self.mail.links:
            url = web(link.href)
            if url is not None and _HOST.fullmatch(url.host) and not url.host.endswith(_NAMESPACES):
                found.append((link, url))
        return found

    @cached_property
    def clicks(self) -> list[tuple[Link, Url]]:
        """Links but for those to social networks and app stores, which stand at the foot of any mail."""
        return [
            (link, url)
            for link, url in self.links
            if not covers(self.hosts.social, url.host) or len(url.rest) > 100
        ]

    @cached_property
    def link_owners(self) -> set[str]:
        """Organisations that the clicks lead to, trackers of mail services left out."""
        return {url.organisation for _, url in self.clicks if not covers(self.hosts.trackers, url.host)}

    @cached_property
    def leads_home(self) -> bool:
        """Whether a link or a picture belongs to the sender's own organisation."""
        if not self.sender:
            return False
        pictures = (url for source in self.mail.image_links[:50] if (url := web(source)))
        return any(url.organisation == self.sender for _, url in self.links) or any(
            picture.organisation == self.sender for picture in pictures
        )

    @cached_property
    def recipients(self) -> set[str]:
        """Our addresses, as far as the message or the account tells."""
        found = {address.email for address in self.mail.to[:5] if address.email}
        if self.known.account:
            found.add(self.known.account.lower())
        return {email for email in found if len(email) >= 8}


def hit(code: str, **values: object) -> Signal:
    """A signal with its weight and sentence from the data."""
    weight = weights()[code]
    shown = {name: str(value).replace("\n", " ")[:120] for name, value in values.items()}
    return Signal(code, weight.points, weight.says.format(**shown))


Hits = Iterator[Signal]

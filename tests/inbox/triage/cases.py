"""Messages and surroundings for the stages: the fixed cast writes to ole@alai.example."""

from datetime import UTC, datetime
from typing import Any

from inbox.mail import Parsed, parse
from inbox.triage import Contact, Judgement, Partner, Surroundings, judge

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OURS = "ole@alai.example"
SERVER = "mx.alai.example"
MIA = Partner(tier=1, name="Mia Larsen", reason="SEO partnership", matched="mia@larsen.example")
KNOWN = Contact(source="sent", detail="We wrote to them on 2026-11-02.")
PHISH = (
    "Dear customer, your account has been suspended. Verify your account within 24 hours: "
    "http://203.0.113.9/login and claim your reward."
)


def passing(domain: str) -> str:
    """What our own server writes about mail that is what it says."""
    return f"{SERVER}; dkim=pass header.d={domain}; spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}"


def failing(domain: str) -> str:
    return f"{SERVER}; dkim=none; spf=fail smtp.mailfrom={domain}; dmarc=fail header.from={domain}"


def mail(
    sender: str = "Mia Larsen <mia@larsen.example>", body: str = "Can we talk on Friday?", **headers: str
) -> Parsed:
    """A mail of today; keyword `auto_submitted` becomes the field Auto-Submitted."""
    fields = {
        "Date": "Tue, 24 Nov 2026 09:00:00 +0000",
        "From": sender,
        "To": OURS,
        "Subject": "Friday",
        "Message-ID": "<1@x>",
    }
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    top = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return parse(f"{top}\r\n{body}".encode())


def known(**fields: Any) -> Surroundings:
    """As if we had fetched it ourselves; override what a case is about."""
    ours: dict[str, Any] = {
        "own_addresses": frozenset({OURS}),
        "authserv_ids": frozenset({SERVER}),
        "fetched": True,
    }
    ours |= {"now": NOW, "account": OURS} | fields
    return Surroundings(**ours)


def judged(message: Parsed, **fields: Any) -> Judgement:
    return judge(message, known(**fields))


def verified(
    sender: str = "Mia Larsen <mia@larsen.example>", body: str = "Can we talk on Friday?", **headers: str
) -> Parsed:
    """A mail that our server found authentic."""
    domain = sender.removesuffix(">").rpartition("@")[2]
    return mail(sender, body, authentication_results=passing(domain), **headers)

"""Mails for tests, written for them."""

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from django.utils import timezone

ACCOUNT = "post@company.example"


def eml(
    subject: str = "Tender for a web shop",
    body: str = "Hello, we would like an offer for a web shop.",
    *,
    sender: str = "Mia Partner <mia@partner.example>",
    to: str = ACCOUNT,
    message_id: str | None = "<1@partner.example>",
    html: str = "",
    **headers: Any,
) -> bytes:
    """A plain message; `headers` in keyword form (`in_reply_to="<1@x>"`), None leaves one out."""
    message = EmailMessage()
    fields = {"From": sender, "To": to, "Subject": subject, "Date": format_datetime(timezone.now())}
    fields |= {"Message-ID": message_id} if message_id else {}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    for name, value in fields.items():
        if value is not None:
            message[name] = value
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()

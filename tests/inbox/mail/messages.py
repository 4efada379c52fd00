"""Small messages to parse."""

from inbox.mail import Parsed, parse


def message(*headers: str, body: bytes | str = b"hello") -> bytes:
    """Raw bytes: header lines, a blank line, the body."""
    raw = body if isinstance(body, bytes) else body.encode()
    return "\r\n".join(headers).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + raw


def parsed(*headers: str, body: bytes | str = b"hello") -> Parsed:
    return parse(message(*headers, body=body))


def page(markup: str) -> Parsed:
    """A mail that is one HTML page."""
    return parsed("From: ada@example.com", "Content-Type: text/html; charset=utf-8", body=markup)


def multipart(subtype: str, *parts: tuple[str, str]) -> Parsed:
    """A multipart of (headers, body) pairs."""
    body = "".join(f"--b\r\n{headers}\r\n\r\n{content}\r\n" for headers, content in parts) + "--b--\r\n"
    return parsed("From: ada@example.com", f"Content-Type: multipart/{subtype}; boundary=b", body=body)


def codes(mail: Parsed) -> set[str]:
    return {finding.code for finding in mail.findings}

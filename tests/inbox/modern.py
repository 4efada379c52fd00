"""Builds the honest mail of `modern.yaml` as it arrives today: HTML with pictures, hidden preview text, trackers."""

import zipfile
from email.message import EmailMessage
from email.utils import formataddr
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

AUTHSERV = "mx.alai.example"
RECIPIENT = "ole@alai.example"
_FILLER = "&#847;&zwnj;&nbsp;&shy;" * 60
_BUTTON = "display:inline-block;background-color:#0b5fff;color:#ffffff;padding:12px 24px;text-decoration:none"


def specifications() -> list[dict[str, Any]]:
    """What `modern.yaml` lists."""
    found: list[dict[str, Any]] = yaml.safe_load(
        Path(__file__).with_name("modern.yaml").read_text(encoding="utf-8")
    )
    return found


def build(spec: dict[str, Any]) -> bytes:
    """The raw message, with the header that our own server would have put on top."""
    name, _, address = spec["from"].removesuffix(">").rpartition(" <")
    domain = _domain(spec)
    message = EmailMessage()
    message["From"] = formataddr((name, address))
    message["To"] = f"Ole Hansen <{RECIPIENT}>"
    message["Subject"] = spec["subject"]
    message["Date"] = "Tue, 24 Nov 2026 09:12:31 +0100"
    message["Message-ID"] = f"<{spec['id']}.20261124@{domain}>"
    if "reply_to" in spec:
        message["Reply-To"] = spec["reply_to"]
    if spec.get("bulk"):
        message["List-Unsubscribe"] = f"<https://{domain}/u/{spec['id']}>, <mailto:unsubscribe@{domain}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Feedback-ID"] = f"{spec['id']}:alai:marketing"
    text = "\n\n".join([*spec["lines"], *(f"{shown}: {url}" for shown, url in spec.get("links", {}).items())])
    message.set_content(text)
    if spec["layout"] != "plain":
        message.add_alternative(_html(spec), subtype="html")
    for filename, kind in spec.get("files", {}).items():
        maintype, subtype, content = _file(kind)
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=filename)
    return _delivered(message, domain, spec.get("mailer", domain))


def _domain(spec: dict[str, Any]) -> str:
    found: str = spec["from"].removesuffix(">").rpartition("@")[2]
    return found


def _delivered(message: EmailMessage, domain: str, mailer: str) -> bytes:
    """As the last server hands it over: DMARC passes by the From domain's signature."""
    results = (
        f"Authentication-Results: {AUTHSERV};\r\n dkim=pass (2048-bit key) header.d={domain} header.s=s1;\r\n"
        f" spf=pass smtp.mailfrom={mailer};\r\n dmarc=pass (p=reject dis=none) header.from={domain}\r\n"
    )
    path = f"Return-Path: <bounce-7712@{mailer}>\r\n"
    received = (
        f"Received: from out.{mailer} (out.{mailer} [192.0.2.17]) by {AUTHSERV} with ESMTPS id 4f1a\r\n"
        f" for <{RECIPIENT}>;\r\n"
        " Tue, 24 Nov 2026 09:12:33 +0100\r\n"
    )
    return (path + results + received).encode() + message.as_bytes().replace(b"\r\n", b"\n").replace(
        b"\n", b"\r\n"
    )


def _html(spec: dict[str, Any]) -> str:
    body = {"card": _card, "shop": _shop, "letter": _letter}[spec["layout"]](spec)
    return (
        "<!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml' xmlns:o='urn:schemas-microsoft-com:office:office'>"
        "<head><meta charset='utf-8'><meta name='viewport' content='width=device-width'><style>"
        "@media (max-width:600px){.mobile-hide{display:none !important}} a{color:#0b5fff}</style></head>"
        f"<body style='margin:0;background-color:#f4f4f7'>{body}</body></html>"
    )


def _preview(spec: dict[str, Any]) -> str:
    shown = escape(spec.get("preheader", spec["lines"][0]))
    return f"<div style='display:none;font-size:1px;max-height:0;overflow:hidden'>{shown}{_FILLER}</div>"


def _pixel(spec: dict[str, Any]) -> str:
    host = _domain(spec)
    return f"<img src='https://{host}/o/{spec['id']}.gif' width='1' height='1' alt='' style='display:none'>"


def _paragraphs(spec: dict[str, Any]) -> str:
    return "".join(f"<p style='font-size:16px;color:#333333'>{escape(line)}</p>" for line in spec["lines"])


def _buttons(spec: dict[str, Any]) -> str:
    return "".join(
        f"<p><a href='{escape(url)}' style='{_BUTTON}'>{escape(shown)}</a></p>"
        for shown, url in spec.get("links", {}).items()
    )


def _pictures(spec: dict[str, Any]) -> str:
    target = next(iter(spec.get("links", {}).values()), "#")
    return "".join(
        f"<a href='{escape(target)}'><img src='{escape(source)}' alt='{escape(alt)}' width='600' border='0'></a>"
        for alt, source in spec.get("pictures", {}).items()
    )


def _card(spec: dict[str, Any]) -> str:
    return (
        f"{_preview(spec)}<table width='100%'><tr><td align='center'><table width='600' bgcolor='#ffffff'><tr><td>"
        f"{_pictures(spec)}{_paragraphs(spec)}{_buttons(spec)}</td></tr><tr><td style='font-size:12px;color:#888888'>"
        f"{escape(spec.get('footer', ''))}</td></tr></table></td></tr></table>{_pixel(spec)}"
    )


def _shop(spec: dict[str, Any]) -> str:
    links = [(shown, url) for shown, url in spec.get("links", {}).items() if shown]
    footer = " | ".join(
        f"<a href='{escape(url)}' style='color:#888888'>{escape(shown)}</a>" for shown, url in links
    )
    return (
        f"{_preview(spec)}<center><div style='width:600px;background:#ffffff'>{_pictures(spec)}{_paragraphs(spec)}"
        f"<div class='mobile-hide' style='font-size:12px;color:#888888'>{footer}</div></div></center>{_pixel(spec)}"
    )


def _letter(spec: dict[str, Any]) -> str:
    links = "".join(
        f"<div><a href='{escape(url)}'>{escape(shown)}</a></div>"
        for shown, url in spec.get("links", {}).items()
    )
    lines = "".join(f"<div>{escape(line)}</div><div><br></div>" for line in spec["lines"])
    return f"<div dir='ltr' style='font-family:Calibri,sans-serif;font-size:11pt'>{lines}{links}</div>"


def _file(kind: str) -> tuple[str, str, bytes]:
    """MIME type and content of a small attachment of that kind."""
    if kind == "pdf":
        return "application", "pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
    if kind == "ics":
        return (
            "text",
            "calendar",
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        )
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    return "application", "vnd.openxmlformats-officedocument.wordprocessingml.document", buffer.getvalue()

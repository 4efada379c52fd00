"""Signals of what is attached, by content rather than by name."""

from inbox.mail.kinds import SCRIPTS, extension
from inbox.mail.parsed import Attachment
from inbox.triage.scan.view import Hits, View, hit

_RUNS = {"executable", "script", "shortcut", "help", "disk-image"}
_MACROS = {"office-macro"}
_OFFICE_NAMES = {"doc", "docx", "xls", "xlsx", "ppt", "pptx"}
_PICTURES = {"png", "jpg", "jpeg", "gif", "bmp", "webp"}
_LIKE_OFFICE = {
    "office",
    "office-macro",
    "rtf",
    "html",
    "text",
}  # what office programs save under their endings


def attached(view: View) -> Hits:
    """Each kind of danger once, with the first file that shows it."""
    seen: set[str] = set()
    for item in view.mail.attachments[:50]:
        for code in _dangers(item, view):
            if code not in seen:
                seen.add(code)
                yield hit(code, name=item.filename or "a nameless file", kind=item.kind)


def _dangers(item: Attachment, view: View) -> list[str]:
    found = []
    if item.kind in _RUNS or extension(item.filename) in SCRIPTS - {"com", "url", "dll"}:
        found.append("attachment_runs")
    elif item.kind in _MACROS:
        found.append("attachment_macros")
    elif "runnable" in item.traits:
        found.append("attachment_runs_inside")
    elif item.kind in ("html", "svg") and {"script", "smuggling", "form", "password", "redirect"} & set(
        item.traits
    ):
        found.append("attachment_page")
    elif item.kind in ("zip", "rar", "7z", "cabinet") and "encrypted" in item.traits:
        found.append("attachment_encrypted")
    elif item.kind == "onenote" or (item.kind == "rtf" and "object" in item.traits):
        found.append("attachment_object")
    elif item.kind == "pdf" and {"launch", "script"} & set(item.traits):
        found.append("attachment_pdf_active")
    if not item.size and extension(item.filename) in _PICTURES | _OFFICE_NAMES | {"pdf"}:
        found.append("attachment_empty")
    if _lies(item):
        found.append("attachment_lies")
    if item.kind == "pdf" and len(view.text_words) < 40 and not view.facts.get("verified"):
        found.append("attachment_pdf_alone")
    return found


def _lies(item: Attachment) -> bool:
    """A name that says document or picture over content that is neither."""
    ending = extension(item.filename)
    if not item.size:
        return False
    if ending == "pdf":
        return item.kind not in ("pdf", "data", "mail")
    if ending in _OFFICE_NAMES:
        return item.kind not in _LIKE_OFFICE
    return ending in _PICTURES and item.kind in ("text", "html", "svg", "zip", "executable", "script")


SIGNALS = (attached,)

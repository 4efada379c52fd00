"""A hostile message made safe to look at: sanitised here, in a sandboxed frame, under a policy that loads nothing."""

import nh3
from django.http import HttpResponse
from django.utils.html import escape

from inbox.mail import Parsed

LONGEST = 400_000  # characters of HTML that are shown
NOTHING_IS_LOADED = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
# The frame may neither run scripts nor send forms nor move the page that holds it.
SANDBOX = "sandbox"
TAGS = {
    "a", "abbr", "address", "article", "b", "bdi", "bdo", "blockquote", "br", "caption", "center", "cite", "code",
    "col", "colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark", "ol", "p",
    "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody",
    "td", "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
}  # fmt: skip
LAYOUT = {
    "align",
    "valign",
    "width",
    "height",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "dir",
    "lang",
    "style",
}
ATTRIBUTES = {
    "*": LAYOUT,
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "col": {"span"},
}
# Without background, position, content and everything else that could fetch or overlay something.
STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius",
    "border-right", "border-spacing", "border-style", "border-top", "border-width", "color", "direction", "display",
    "font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing", "line-height", "margin",
    "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width", "min-width", "padding", "padding-bottom",
    "padding-left", "padding-right", "padding-top", "text-align", "text-decoration", "text-transform", "vertical-align",
    "white-space", "width", "word-break",
}  # fmt: skip
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Message</title><style>
:root {{ color-scheme: light; }}
body {{ margin: 12px; background: #fff; color: #111; font: 14px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
img {{ max-width: 100%; height: auto; }}
img:not([src]) {{ outline: 1px dashed #999; min-width: 16px; min-height: 16px; }}
pre {{ white-space: pre-wrap; font: inherit; }} table {{ max-width: 100%; }}
</style></head><body>{}</body></html>"""


def shown(mail: Parsed) -> str:
    """The message's HTML without anything that acts or loads; its plain text where it has no HTML."""
    if not mail.html.strip():
        return f"<pre>{escape(mail.text)}</pre>"
    return nh3.clean(
        mail.html[:LONGEST],
        tags=TAGS,
        clean_content_tags={
            "script",
            "style",
            "noscript",
            "template",
            "iframe",
            "object",
            "svg",
            "math",
            "title",
        },
        attributes=ATTRIBUTES,
        attribute_filter=_harmless,
        url_schemes={"http", "https", "mailto", "tel", "data"},
        filter_style_properties=STYLES,
        link_rel="noopener noreferrer nofollow",
    )


def _harmless(tag: str, attribute: str, value: str) -> str | None:
    """Images only from within the message; a link keeps its address as text, and leads nowhere."""
    if attribute == "src":
        return value if value.lower().startswith("data:image/") and "svg" not in value[:30].lower() else None
    if attribute == "href":
        return None
    if attribute == "style" and ("url(" in value.lower() or "\\" in value):
        return None
    return value


def response(mail: Parsed) -> HttpResponse:
    """The page for the frame. Its policy holds even where somebody opens it by itself."""
    answer = HttpResponse(PAGE.format(shown(mail)))
    answer._csp_exempt = True  # type: ignore[attr-defined]
    answer["Content-Security-Policy"] = f"{NOTHING_IS_LOADED}; {SANDBOX}"
    answer["X-Frame-Options"] = "SAMEORIGIN"
    answer["Referrer-Policy"] = "no-referrer"
    answer["Cache-Control"] = "private, no-store"
    return answer

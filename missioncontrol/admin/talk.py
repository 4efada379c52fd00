"""What people and agents wrote, as it is shown: paragraphs, links, and mentions that lead to whom they mean."""

from django.urls import reverse
from django.utils.html import format_html, linebreaks, urlize
from django.utils.safestring import SafeString, mark_safe

from alai.kernel.models import Actor
from missioncontrol.mentions import Known


def said(body: str, known: Known, *, linked: bool = True) -> SafeString:
    """The text as HTML. `linked` is off for who may not see actors."""
    pieces, end = [], 0
    for place in known.places(body):
        pieces += [
            _plain(body[end : place.start]),
            _mention(body[place.start : place.end], place.actor, linked),
        ]
        end = place.end
    pieces.append(_plain(body[end:]))
    return mark_safe(linebreaks("".join(pieces), autoescape=False))  # noqa: S308 - each piece is escaped


def _plain(text: str) -> str:
    return str(urlize(text, nofollow=True, autoescape=True))


def _mention(text: str, actor: Actor, linked: bool) -> SafeString:
    if not linked:
        return format_html('<span class="mc-strong" title="{}">{}</span>', actor, text)
    url = reverse("admin:kernel_actor_change", args=[actor.pk])
    return format_html('<a class="mc-link" href="{}" title="{}">{}</a>', url, actor, text)

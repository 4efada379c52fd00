"""The public status page, its badges and its feed: no sign-in, no cookies, cached for half a minute."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from infra import public
from infra.models.records import NAME

SECONDS = 30
SVG = "image/svg+xml"
COLOURS = {"success": "#15803d", "warning": "#b45309", "danger": "#b91c1c", "unknown": "#4b5563"}
CHARACTER, PADDING = 6.6, 10  # pixels


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """How every published site stands."""
    return _reply("page", "text/html; charset=utf-8", lambda: _page())


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """Incidents as Atom."""
    base = request.build_absolute_uri(reverse("status"))
    return _reply(f"feed:{base}", "application/atom+xml; charset=utf-8", lambda: _feed(base))


@require_safe
def badge(request: HttpRequest, domain: str = "") -> HttpResponse:
    """One site's state, or that of all of them. A site that is not published is not there."""
    could_be = not domain or (len(domain) <= 100 and NAME.fullmatch(domain))
    text = _cached(f"badge:{domain}", lambda: _badge(domain)) if could_be else ""
    if not text:
        raise Http404("There is no such badge.")
    return _response(text, SVG)


def _reply(name: str, kind: str, make: Callable[[], str]) -> HttpResponse:
    return _response(_cached(name, make), kind)


def _response(text: str, kind: str) -> HttpResponse:
    headers = {"Cache-Control": f"public, max-age={SECONDS}"}
    return HttpResponse(text, content_type=kind, headers=headers)


def _cached(name: str, make: Callable[[], str]) -> str:
    """A busy page costs one look into the database every half minute."""
    key = f"status:{name}"[:200]
    found: str | None = cache.get(key)
    if found is None:
        found = make()
        cache.set(key, found, SECONDS)
    return found


def _page() -> str:
    return render_to_string("infra/status.html", {"status": public.status()})


def _feed(base: str) -> str:
    now = timezone.now()
    incidents = public.public_incidents(now)
    written = _Feed(
        title="Status", link=base, description="Incidents", feed_url=f"{base}/feed.xml", language="en",
        latest=incidents[0].changed_at if incidents else now,
    )  # fmt: skip
    for one in incidents:
        lines = "".join(
            f"<p>{update.at:%Y-%m-%d %H:%M} UTC: {_plain(update.text)}</p>" for update in one.updates
        )
        written.add_item(
            title=f"{one.title}{'' if one.resolved_at is None else ' (resolved)'}",
            link=f"{base}#incident-{one.number}",
            unique_id=f"{base}#incident-{one.number}",
            description=lines,
            pubdate=one.opened_at,
            updateddate=one.changed_at,
        )
    return written.writeString("utf-8")


class _Feed(Atom1Feed):
    """Atom with the moment of its newest entry."""

    def latest_post_date(self) -> datetime:
        latest: datetime = self.feed["latest"]
        return latest


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _badge(domain: str) -> str:
    """The drawing; empty when there is nothing to draw."""
    sites = public.public_sites(timezone.now(), domain)
    if domain and not sites:
        return ""
    word, tone = (sites[0].word, sites[0].tone) if domain else public.overall(sites)
    known = domain and sites[0].percent != "–"
    return drawn(domain or "Status", f"{word} · {sites[0].percent}" if known else word, COLOURS[tone])


def drawn(left: str, right: str, colour: str) -> str:
    """Two words side by side, as badges look everywhere."""
    first, second = (round(len(text) * CHARACTER + 2 * PADDING) for text in (left, right))
    context: dict[str, Any] = {
        "left": left, "right": right, "colour": colour, "first": first, "second": second, "width": first + second,
        "left_at": first // 2, "right_at": first + second // 2,
    }  # fmt: skip
    return render_to_string("infra/badge.svg", context)


urlpatterns = [
    path("status", page, name="status"),
    path("status/", page),
    path("status/feed.xml", feed, name="status-feed"),
    path("status/badge.svg", badge, name="status-badge-all"),
    path("status/badge/<str:domain>.svg", badge, name="status-badge"),
]

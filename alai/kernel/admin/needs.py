"""What the kernel wants a person to look at: messages that failed, parts that are silent."""

from datetime import timedelta

from django.db.models import Max
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse

from alai.kernel import health, needs, tokens, words
from alai.kernel.models import ImportReject, Notification, Token
from alai.kernel.needs import NOTHING, SHOWN, Action, Found, Need
from alai.kernel.principals import Principal

PARTS = {
    "worker": "Nothing in the background runs: notifications wait, leases are not swept.",
    "beat": "No schedule runs: expired leases stay until somebody claims their task.",
}


def failed_notifications(request: HttpRequest) -> Found:
    if not request.user.has_perm("kernel.view_notification"):
        return NOTHING
    rows = Notification.objects.filter(
        state=Notification.State.FAILED, created_at__gte=Now() - timedelta(days=7)
    )
    recent = list(rows.order_by("-id")[: needs.COUNT_LIMIT])
    url = reverse("admin:kernel_notification_changelist") + "?state__exact=failed"
    return Found([_failed(row) for row in recent[:SHOWN]], len(recent), url, "failed notifications")


def _failed(row: Notification) -> Need:
    url = reverse("admin:kernel_notification_change", args=[row.pk])
    return Need(
        "Not sent",
        "danger",
        f"could not be told to {row.recipient}",
        subject=row.event,
        meta=row.last_error,
        url=url,
        since=row.tried_at or row.created_at,
        actions=[Action("Open", url, primary=True)],
    )


def silent_parts(request: HttpRequest) -> Found:
    if not request.user.has_perm("kernel.view_auditentry"):
        return NOTHING
    silent = [(name, finding) for name in PARTS if (finding := health.seen(name)).status != "ok"]
    found = [
        Need("Silent", "danger", f"is silent: {finding.detail}.", subject=f"The {name}", meta=PARTS[name])
        for name, finding in silent
    ]
    return Found(found, len(found))


def rejected_rows(request: HttpRequest) -> Found:
    """One line for all of them: they come in thousands and are looked at together."""
    if not request.user.has_perm("kernel.view_importreject"):
        return NOTHING
    rejects = ImportReject.objects.filter(state=ImportReject.State.OPEN)
    count = rejects.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    if not count:
        return NOTHING
    url = reverse("admin:kernel_importreject_changelist") + "?state__exact=open"
    some = f"{count:,} or more rows" if count == needs.COUNT_LIMIT else words.plural(count, "row")
    need = Need(
        "Import",
        "warning",
        "could not be imported; each is kept whole with the reason",
        subject=some,
        url=url,
        since=rejects.aggregate(last=Max("at"))["last"],
        actions=[Action("Open", url, primary=True)],
    )
    return Found([need], 1, url, "")


def expiring_tokens(request: HttpRequest) -> Found:
    """Everybody's own and their agents'; for those who look after tokens, all of them."""
    by = Principal(actor=request.user.get_username(), is_session=True)
    sees_all = request.user.has_perm("kernel.view_token")
    ending = tokens.expiring(Token.objects.all() if sees_all else tokens.own(by))
    rows = list(ending[: needs.COUNT_LIMIT])
    keys = [row.pk for row in rows[:SHOWN]]
    own = set(tokens.own(by).filter(pk__in=keys).values_list("pk", flat=True))
    found = [_ending(row, is_own=row.pk in own) for row in rows[:SHOWN]]
    url = reverse("admin:kernel_token_changelist") if sees_all else reverse("account:tokens")
    return Found(found, len(rows), url, "tokens that end soon")


def _ending(row: Token, *, is_own: bool) -> Need:
    left = words.ago(row.expires_at) if row.expires_at else ""
    replaced = hasattr(row, "successor")
    url = reverse("account:tokens") if is_own else reverse("admin:kernel_token_change", args=[row.pk])
    return Need(
        "Token",
        "warning",
        f"still uses {row.prefix}…, which ends {left}: give it the new one"
        if replaced
        else f"has a token, {row.prefix}…, that ends {left}",
        subject=row.actor.name,
        meta=row.name,
        url=url,
        actions=[Action("Open" if replaced else "Rotate", url, primary=True)],
    )


needs.register("expiring tokens", expiring_tokens, weight=55)
needs.register("rejected rows", rejected_rows, weight=50)
needs.register("silent parts", silent_parts, weight=95)
needs.register("failed notifications", failed_notifications, weight=60)

"""The message list, which reads like a mail client, and the message page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import admin
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alai.kernel import words
from alai.kernel.admin.base import Admin, principal
from alai.kernel.errors import ApiError
from alai.kernel.pagination import as_id
from inbox.admin import body, page, story
from inbox.admin.filters import FILTERS
from inbox.admin.verbs import VERBS, VerbForm
from inbox.models import Message
from inbox.selectors import visible_message

VIEWS = (
    ("", "Needs an answer"),
    ("status=quarantine", "Quarantine"),
    ("status=deferred", "Undecided"),
    ("status=all&partner=yes", "Partners"),
    ("status=task", "Tasks"),
    ("status=queue", "Queued"),
    ("status=all", "All"),
)
COUNTED = 1000
AT_ONCE = 200
BULK = {"release": "Release from quarantine", "answered": "Mark as answered", "never_again": "Never again"}


def _bulk_action(name: str) -> Callable[..., None]:
    def action(model_admin: "MessageAdmin", request: HttpRequest, chosen: QuerySet[Message]) -> None:
        model_admin.bulk(request, name, chosen)

    action.__name__ = f"bulk_{name}"
    return admin.action(description=BULK[name], permissions=["change"])(action)


@admin.register(Message)
class MessageAdmin(Admin[Message]):
    """Nothing here writes: the list reads, and every act is a call of `inbox.services`."""

    list_display = ("who", "what", "stands", "where", "waiting", "when")
    list_filter = FILTERS
    list_before_template = "missioncontrol/task_views.html"
    search_fields = ("subject",)  # shows the box; `get_search_results` searches by full text
    search_help_text = "Words, a sender or a subject"
    show_full_result_count = False
    list_max_show_all = 0
    ordering = ("-received_at", "-id")
    actions = [_bulk_action(name) for name in BULK]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        by = principal(request)
        return (
            Message.objects.for_display()
            .for_accounts(list(by.accounts))
            .defer("findings", "legacy", "attachments")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Full text, best first, at most 200."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        ids = list(Message.objects.matching(term).values_list("pk", flat=True))
        found = queryset.filter(pk__in=ids)
        if "o" in request.GET or not ids:
            return found, False
        rank = Case(*(When(pk=pk, then=Value(at)) for at, pk in enumerate(ids)), output_field=IntegerField())
        return found.order_by(rank), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"views": self._views(request), **(extra_context or {})})

    # --- Columns ------------------------------------------------------------------------------------

    @admin.display(description="From", ordering="sender")
    def who(self, message: Message) -> SafeString:
        name = message.sender_name or message.sender or "nobody"
        address = message.sender if message.sender_name else ""
        return format_html(
            '<span class="mc-strong">{}</span> {}<span class="mc-meta">{}</span>',
            name[:60], story.partner(message.mail), address[:80],
        )  # fmt: skip

    @admin.display(description="Message", ordering="subject")
    def what(self, message: Message) -> SafeString:
        reasons = story.chips(message.mail.reasons, 3) if message.mail else ""
        snippet = message.snippet[:140] or ("attachments only" if message.has_attachments else "")
        clip = format_html(' <span class="mc-chip">attachment</span>') if message.has_attachments else ""
        return format_html(
            '<span class="mc-title">{}{}</span><span class="mc-meta">{}</span><span class="mc-meta">{}</span>',
            (message.subject or "(no subject)")[:160], clip, snippet, reasons,
        )  # fmt: skip

    @admin.display(description="State", ordering="mail__verdict")
    def stands(self, message: Message) -> SafeString:
        mail = message.mail
        kind = story.classification(mail) if mail and mail.verdict not in ("quarantine", "task") else ""
        return format_html('<span class="mc-chips">{} {}</span>', story.verdict(mail), kind)

    @admin.display(description="Account", ordering="account")
    def where(self, message: Message) -> str:
        return message.account.address

    @admin.display(description="Unanswered", ordering="mail__received_at")
    def waiting(self, message: Message) -> SafeString | str:
        return story.waits(message.mail, timezone.now())

    @admin.display(description="Received", ordering="received_at")
    def when(self, message: Message) -> SafeString | str:
        return words.time_tag(message.received_at)

    # --- The page -----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("<int:message_id>/act/<slug:verb>/", wrapped(self.act), name="inbox_message_act"),
            path("<int:message_id>/body/", wrapped(self.body_view), name="inbox_message_body"),
            path("<int:message_id>/raw/", wrapped(self.raw_view), name="inbox_message_raw"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        message = self._visible(request, as_id(object_id))
        if message is None:
            flash.warning(request, f"There is no message {object_id[:40]}.")
            return HttpResponseRedirect(self._list_url(request))
        if request.method == "POST":
            return HttpResponseRedirect(story.url(message.pk))
        shown = page.context(request, message, may_change=self.has_change_permission(request))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Message", **shown}
        return TemplateResponse(
            request,
            "inbox/message.html",
            {**context, "subtitle": message.subject, "list_url": self._list_url(request)},
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(story.url(as_id(object_id)) + "#evidence")

    def act(self, request: HttpRequest, message_id: int, verb: str) -> HttpResponse:
        """One verb, by POST; a refusal becomes a message on the page."""
        return require_POST(self._act)(request, message_id, verb)

    def _act(self, request: HttpRequest, message_id: int, verb: str) -> HttpResponse:
        if verb not in VERBS:
            raise Http404(f"There is nothing called {verb} to do.")
        if not self.has_change_permission(request):
            raise PermissionDenied
        message = self._visible(request, message_id)
        if message is None:
            raise Http404(f"There is no message {message_id}.")
        form = VerbForm(request.POST)
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            flash.error(request, f"{field.capitalize()}: {errors[0]}")
        else:
            _tell(request, verb, message, form.cleaned_data)
        back = reverse("admin:index") if request.POST.get("back") == "home" else ""
        return HttpResponseRedirect(back or story.url(message.pk))

    def body_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        message = self._visible(request, message_id)
        if message is None:
            raise Http404(f"There is no message {message_id}.")
        return body.response(page.parsed_of(message))

    def raw_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        """The bytes as they came, to save: never shown by the browser."""
        message = self._visible(request, message_id)
        raw = page.raw_of(message) if message is not None else b""
        if message is None or not raw:
            raise Http404("There are no bytes of this message.")
        return HttpResponse(
            raw,
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="message-{message.pk}.eml"',
                "Cache-Control": "private, no-store",
            },
        )

    def bulk(self, request: HttpRequest, name: str, chosen: QuerySet[Message]) -> None:
        """The same verb for each; what is refused is told by its sentence."""
        count = chosen.count()
        if count > AT_ONCE:
            flash.error(
                request, f"At most {AT_ONCE} messages in one go, and {count:,} are selected: narrow the list."
            )
            return
        done, refused = 0, set()
        data = {"note": "", "classification": "", "tier": 1, "name": "", "everywhere": True}
        for message in chosen.order_by("pk"):
            try:
                VERBS[name].run(principal(request), message, data)
                done += 1
            except ApiError as error:
                refused.add(error.detail)
        if done:
            flash.success(request, f"{BULK[name]}: {words.plural(done, 'message')}.")
        for sentence in sorted(refused)[:5]:
            flash.warning(request, sentence)

    # --- What the views share -----------------------------------------------------------------------

    def _visible(self, request: HttpRequest, message_id: int) -> Message | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return visible_message(principal(request), message_id)
        except ApiError as error:
            if error.status == 403:
                raise PermissionDenied from None
            return None

    def _list_url(self, request: HttpRequest) -> str:
        filters = self.get_preserved_filters(request)
        kept = dict(parse_qsl(filters)).get("_changelist_filters", "")
        return reverse("admin:inbox_message_changelist") + (f"?{kept}" if kept else "")

    def _views(self, request: HttpRequest) -> list[dict[str, Any]]:
        narrowed = {name: request.GET[name] for name in ("status", "partner") if request.GET.get(name)}
        sought = {"q": request.GET["q"]} if request.GET.get("q") else {}
        if sought and not narrowed:
            narrowed = {"status": "all"}
        counted = page.counts()
        return [
            {
                "url": f"?{urlencode({**dict(parse_qsl(query)), **sought})}",
                "label": label,
                "count": counted.get(query, ""),
                "current": urlencode(narrowed) == query,
            }
            for query, label in VIEWS
        ]


def _tell(request: HttpRequest, verb: str, message: Message, data: dict[str, Any]) -> None:
    try:
        sentence = VERBS[verb].run(principal(request), message, data)
    except ApiError as error:
        flash.error(request, error.detail)
    else:
        flash.success(request, sentence)

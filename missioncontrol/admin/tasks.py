"""The task list and the task page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alai.kernel import words
from alai.kernel.admin.base import Admin, distinct, principal
from alai.kernel.errors import ApiError, Invalid, problem_response
from alai.kernel.pagination import as_id
from missioncontrol import narrowing, search, services
from missioncontrol.admin import board, bulk, cards, figures, files, page, pages, saved, story, verbs
from missioncontrol.admin.filters import FILTERS
from missioncontrol.admin.forms import EditTaskForm, NewTaskForm, TaskForm, VerbForm
from missioncontrol.models import Evidence, Task

LIST_PARAMETERS = {*narrowing.PARAMETERS, "p", "all", "e"}  # of the list's address; others are left out
NO_FILTERS = {"o", "p", "e"}
VIEWS = (
    ("", "Not closed", "not_closed"),
    ("status=ready", "Ready", "ready"),
    ("claimed=yes", "Held now", "held"),
    ("due=overdue", "Overdue", "overdue"),
    ("status=blocked", "Blocked", "blocked"),
    ("status=open", "Open", "open"),
    ("status=done", "Done", "done"),
    ("status=all", "All", "all"),
)


def _bulk_action(name: str) -> Callable[..., HttpResponse | None]:
    """A list action that asks in a page of its own, and then runs."""

    def action(model_admin: "TaskAdmin", request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse | None:
        return model_admin.bulk(request, name, tasks)

    action.__name__ = f"bulk_{name}"
    return admin.action(description=f"{bulk.BULK[name].title}…", permissions=["change"])(action)


@admin.register(Task)
class TaskAdmin(Admin[Task]):
    """Nothing here writes a task: the list reads, and every act is a call of `missioncontrol.services`."""

    list_display = ("titled", "status_shown", "priority_shown", "owner_shown", "held_by", "due", "updated")
    list_filter = FILTERS
    list_before_template = "missioncontrol/task_views.html"
    search_fields = ("title",)  # shows the box; `get_search_results` searches by full text
    search_help_text = "Words, or #number"
    ordering = ("-id",)
    actions = [_bulk_action(name) for name in bulk.BULK]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return Task.objects.with_lease_state().defer("description", "legacy")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The newest first; of what is due, the first one first."""
        return ("due_at", "id") if request.GET.get("due") in ("overdue", "week") else ("-id",)

    def known_total(self, request: HttpRequest) -> int | None:
        """For the usual views and teams."""
        asked = {name: value for name, value in request.GET.items() if value and name not in NO_FILTERS}
        return figures.counts_for(request).of(asked)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        """Full text, best first, at most 200; a number is a task's id."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        ids = narrowing.matching(term)
        found = queryset.filter(pk__in=ids)
        return (found if "o" in request.GET else found.order_by(search.place_in(ids))), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        unknown = request.GET.keys() - LIST_PARAMETERS
        senseless = narrowing.senseless(request.GET.dict())
        if (unknown or senseless) and IS_POPUP_VAR not in request.GET:
            for name, value in senseless.items():
                messages.warning(request, f"{name}={value[:40]} means nothing here and was left out.")
            return HttpResponseRedirect(f"?{narrowing.written(narrowing.parsed(request.GET.urlencode()))}")
        shown = {"views": _views(request), "now": timezone.now(), **saved.bar(request, "list")}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    # --- Columns ------------------------------------------------------------------------------------

    @admin.display(description="Task", ordering="title")
    def titled(self, task: Task) -> SafeString:
        tags = format_html_join(" ", '<span class="mc-chip">{}</span>', ((tag,) for tag in task.tags[:4]))
        known = " · ".join(filter(None, [f"#{task.pk}", task.team]))
        meta = format_html('<span class="mc-id">{}</span>', known)
        return format_html(
            '<span class="mc-title">{}</span><span class="mc-meta">{} {}</span>', task.title, meta, tags
        )

    @admin.display(description="Status", ordering="status")
    def status_shown(self, task: Task) -> SafeString:
        return story.badge(task)

    @admin.display(description="Priority", ordering="priority")
    def priority_shown(self, task: Task) -> SafeString:
        return story.priority(task)

    @admin.display(description="Owner", ordering="owner")
    def owner_shown(self, task: Task) -> str:
        return task.owner or "–"

    @admin.display(description="Held by", ordering="lease_until")
    def held_by(self, task: Any) -> SafeString | str:
        if task.lease_until is None:
            return "–"
        until = words.time_tag(task.lease_until, words.day_and_time(task.lease_until))
        if not task.lease_live:
            return format_html('{} <span class="mc-quiet">ran out {}</span>', task.lease_actor, until)
        return format_html(
            '<span class="mc-strong">{}</span> <span class="mc-quiet">until {}</span>',
            task.lease_actor,
            until,
        )

    @admin.display(description="Due", ordering="due_at")
    def due(self, task: Task) -> SafeString | str:
        return story.due(task, timezone.now()) or "–"

    @admin.display(description="Updated", ordering="updated_at")
    def updated(self, task: Task) -> SafeString | str:
        return words.time_tag(task.updated_at)

    # --- The page -----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("board/", wrapped(pages.board_page), name="missioncontrol_task_board"),
            path("flow/", wrapped(pages.flow_page), name="missioncontrol_task_flow"),
            path("costs/", wrapped(pages.costs_page), name="missioncontrol_task_costs"),
            path("views/", wrapped(saved.save), name="missioncontrol_task_save_view"),
            path("views/<int:view_id>/", wrapped(saved.change), name="missioncontrol_task_change_view"),
            path("<int:task_id>/act/<slug:verb>/", wrapped(self.act), name="missioncontrol_task_act"),
            path("<int:task_id>/edit/", wrapped(self.edit_view), name="missioncontrol_task_edit"),
            path("evidence/<int:evidence_id>/", wrapped(self.file_view), name="missioncontrol_evidence_file"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        task = page.task_with_all(as_id(object_id))
        if task is None:
            messages.warning(request, f"There is no task {object_id[:40]}.")
            return HttpResponseRedirect(self._list_url(request))
        if request.method == "POST":
            return HttpResponseRedirect(self._page_url(request, task.pk))
        may_change = self.has_change_permission(request)
        shown = page.context(request, task, may_change=may_change, may_comment=self._may_comment(request))
        return TemplateResponse(
            request,
            "missioncontrol/task.html",
            {
                **self._context(request, f"#{task.pk}"),
                **shown,
                "subtitle": task.title,
                "list_url": self._list_url(request),
                "list_name": "Board" if cards.BACK in request.GET else "Tasks",
                "owners": distinct(Task, "owner"),
            },
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self._page_url(request, as_id(object_id)) + "#history")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = {name: request.GET[name] for name in ("title", "team", "depends_on") if name in request.GET}
        form = NewTaskForm(request.POST if request.method == "POST" else None, initial=given)
        if request.method == "POST" and form.is_valid():
            try:
                task, _ = services.create_task(by=principal(request), **form.cleaned_data)
            except ApiError as error:
                form.add_error(None, error.detail)
            else:
                messages.success(request, f"Task #{task.pk} is open.")
                return HttpResponseRedirect(self._page_url(request, task.pk))
        return self._form_page(request, form, title="New task", button="Create the task")

    def edit_view(self, request: HttpRequest, task_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        known = as_id(str(task_id))
        with transaction.atomic():
            if request.method == "POST":
                Task.objects.select_for_update(no_key=True).filter(pk=known).values_list("pk").first()
            task = page.task_with_all(known)
            if task is None:
                raise Http404(f"There is no task {task_id}.")
            form = EditTaskForm(request.POST if request.method == "POST" else None, task)
            if form.is_valid() and self._saved(request, task, form):
                return HttpResponseRedirect(self._page_url(request, task_id))
        back = self._page_url(request, task_id)
        return self._form_page(request, form, title=f"Edit #{task_id}", button="Save", back=back)

    def _saved(self, request: HttpRequest, task: Task, form: EditTaskForm) -> bool:
        """Whether the changes were taken; the form or a message says what became of them."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            services.update_task(by=principal(request), task_id=task.pk, changes=changes)
        except ApiError as error:
            form.add_error(None, error.detail)
            return False
        messages.success(request, "Saved." if changes else "Nothing was changed.")
        return True

    def act(self, request: HttpRequest, task_id: int, verb: str) -> HttpResponse:
        """One verb, by POST; a refusal becomes a message on the task's page."""
        return require_POST(self._act)(request, task_id, verb)

    def _act(self, request: HttpRequest, task_id: int, verb: str) -> HttpResponse:
        if verb not in verbs.VERBS:
            raise Http404(f"There is nothing called {verb} to do.")
        allowed = self._may_comment(request) if verb in verbs.TALK else self.has_change_permission(request)
        if not allowed:
            raise PermissionDenied
        task = Task.objects.filter(pk=as_id(str(task_id))).first()
        if task is None:
            raise Http404(f"There is no task {task_id}.")
        form = VerbForm(request.POST, request.FILES)
        if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
            return _answer(request, verb, task, form)
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            messages.error(request, f"{field.capitalize()}: {errors[0]}")
        else:
            _tell(request, verb, task, form.cleaned_data)
        return HttpResponseRedirect(_back(request) or self._page_url(request, task.pk))

    def file_view(self, request: HttpRequest, evidence_id: int) -> HttpResponseBase:
        if not (self.has_view_permission(request) or request.user.has_perm("missioncontrol.view_evidence")):
            raise PermissionDenied
        evidence = Evidence.objects.filter(pk=as_id(str(evidence_id))).first()
        if evidence is None:
            raise Http404("There is no such evidence.")
        return files.download(evidence)

    # --- Many at once -------------------------------------------------------------------------------

    def bulk(self, request: HttpRequest, name: str, tasks: QuerySet[Task]) -> HttpResponse | None:
        """Ask for the value and the reason; then run and tell what was refused."""
        chosen = bulk.BULK[name]
        ids = list(tasks.order_by("pk").values_list("pk", flat=True)[: bulk.LIMIT + 1])
        if len(ids) > bulk.LIMIT:
            messages.error(request, f"At most {bulk.LIMIT:,} tasks in one go: narrow the list.")
            return None
        form = chosen.form(request.POST if "confirmed" in request.POST else None)
        if "confirmed" in request.POST and form.is_valid():
            outcome = bulk.run(chosen, by=principal(request), task_ids=ids, data=form.cleaned_data)
            if outcome.done:
                messages.success(request, f"{words.plural(outcome.done, 'task')} {chosen.past}.")
            for sentence in outcome.sentences():
                messages.warning(request, sentence)
            return None
        context = {"form": form, "bulk": chosen, "action_name": f"bulk_{name}", "count": len(ids)}
        shown = Task.objects.filter(pk__in=ids[:20]).only("id", "title", "status")
        context |= {"tasks": shown, "ids": ids, "teams": distinct(Task, "team")}
        title = f"{chosen.title}: {words.plural(len(ids), 'task')}"
        return TemplateResponse(
            request, "missioncontrol/bulk.html", {**self._context(request, title), **context}
        )

    # --- What the views share -----------------------------------------------------------------------

    def _may_comment(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) or request.user.has_perm("missioncontrol.add_comment")

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title}

    def _form_page(
        self, request: HttpRequest, form: TaskForm, *, title: str, button: str, back: str = ""
    ) -> HttpResponse:
        lists = {f"{column}s": distinct(Task, column) for column in ("team", "owner", "source")}
        shown = {"form": form, "button": button, "back": back or self._list_url(request), "lists": lists}
        return TemplateResponse(
            request, "missioncontrol/task_form.html", {**self._context(request, title), **shown}
        )

    def _preserved(self, request: HttpRequest, url: str) -> str:
        """The address with what leads back to the board or the list that one came from."""
        if cards.BACK in request.GET:
            return f"{url}?{urlencode({cards.BACK: request.GET[cards.BACK]})}"
        filters: dict[str, Any] = {
            "preserved_filters": self.get_preserved_filters(request),
            "opts": self.opts,
        }
        return add_preserved_filters(filters, url)

    def _page_url(self, request: HttpRequest, task_id: int) -> str:
        return self._preserved(request, story.task_url(task_id))

    def _list_url(self, request: HttpRequest) -> str:
        if cards.BACK in request.GET:
            return board.url(narrowing.written(narrowing.parsed(request.GET[cards.BACK])))
        return self._preserved(request, reverse("admin:missioncontrol_task_changelist"))


def _tell(request: HttpRequest, verb: str, task: Task, data: dict[str, Any]) -> None:
    try:
        sentence = verbs.perform(verb, by=principal(request), task=task, data=data)
    except ApiError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"#{task.pk}: {sentence}")


def _answer(request: HttpRequest, verb: str, task: Task, form: VerbForm) -> HttpResponse:
    """The same for a script that stays on its page: a sentence, or the problem that the API would tell."""
    try:
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            raise Invalid(f"{field.capitalize()}: {errors[0]}")
        sentence = verbs.perform(verb, by=principal(request), task=task, data=form.cleaned_data)
    except ApiError as error:
        return problem_response(request, error)
    return JsonResponse({"sentence": f"#{task.pk}: {sentence}"})


def _back(request: HttpRequest) -> str:
    """Home, for the buttons that stand there; nowhere else may be named."""
    return reverse("admin:index") if request.POST.get("back") == "home" else ""


def _views(request: HttpRequest) -> list[dict[str, Any]]:
    """The usual ways to look at the list, with how many tasks each shows."""
    counts = figures.counts_for(request)
    narrowed = {name: request.GET[name] for name in ("status", "claimed", "due") if request.GET.get(name)}
    words_sought = {"q": request.GET["q"]} if request.GET.get("q") else {}
    if words_sought and not narrowed:
        narrowed = {"status": "all"}  # a search looks everywhere
    return [
        {
            "url": f"?{urlencode({**dict(parse_qsl(query)), **words_sought})}",
            "label": label,
            "count": counts.shown(getattr(counts, figure)) if figure else "",
            "current": urlencode(narrowed) == query,
        }
        for query, label, figure in VIEWS
    ]

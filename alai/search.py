"""What ⌘K finds besides pages: tasks by number or words, actors, and things to do."""

import re

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from alai.kernel.models import Actor
from missioncontrol import narrowing
from missioncontrol.admin import saved, story
from missioncontrol.models import Status, Task
from missioncontrol.search import best, latest_matches, prefix_query

TASKS = 12
ACTORS = 5
LONGEST = 200
OWN_PAGES = {"My account": "account:home", "My tokens": "account:tokens", "Two-factor": "account:set_up"}
PAGES = {"Board": "view_kanban", "Flow": "show_chart", "Costs": "payments"}


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Only what the person may see; a few queries, whatever is typed."""
    words = term.strip().replace("\0", "")[:LONGEST]
    if not words:
        return []
    found: list[SearchResult] = []
    if request.user.has_perm("missioncontrol.view_task"):
        found += [*_pages(words), *_views(request, words), *_tasks(words)]
    if request.user.has_perm("kernel.view_actor"):
        found += _actors(words)
    found += [
        SearchResult(title, "Yours", reverse(page), "person")
        for title, page in OWN_PAGES.items()
        if title.lower().startswith(words.lower())
    ]
    if request.user.has_perm("missioncontrol.add_task") and "new task".startswith(words.lower()):
        found.append(SearchResult("New task", "Do", reverse("admin:missioncontrol_task_add"), "add_circle"))
    return found


def _pages(words: str) -> list[SearchResult]:
    """The pages beside the task list; the lists themselves the frame finds."""
    return [
        SearchResult(title, "Page", reverse(f"admin:missioncontrol_task_{title.lower()}"), icon)
        for title, icon in PAGES.items()
        if title.lower().startswith(words.lower())
    ]


def _views(request: HttpRequest, words: str) -> list[SearchResult]:
    return [
        SearchResult(chip.view.name, f"Saved view · {chip.said}", chip.url, "bookmark")
        for chip in saved.shown(request, "list")
        if words.lower() in chip.view.name.lower()
    ]


def _tasks(words: str) -> list[SearchResult]:
    ids = [*narrowing.numbered(words), *_begun(words)][:TASKS]
    found = Task.objects.only("id", "title", "status", "team").in_bulk(ids)
    return [
        SearchResult(
            title=f"#{task.pk} {task.title}",
            description=" · ".join(filter(None, [Status(task.status).label, task.team])),
            link=story.task_url(task.pk),
            icon="task_alt",
        )
        for task in (found[pk] for pk in ids if pk in found)
    ]


def _begun(words: str) -> list[int]:
    """Tasks with all the words, of which the last may be still unfinished: one searches while typing."""
    terms = re.findall(r"\w+", words)[:8]
    if not terms:
        return []
    query = prefix_query(terms)
    return best(latest_matches(Task.objects.all(), query), query, limit=TASKS)


def _actors(words: str) -> list[SearchResult]:
    return [
        SearchResult(
            title=str(actor),
            description=actor.get_kind_display(),
            link=reverse("admin:kernel_actor_change", args=[actor.pk]),
            icon="smart_toy" if actor.kind == Actor.Kind.AGENT else "person",
        )
        for actor in Actor.objects.filter(name__icontains=words)[:ACTORS]
    ]

"""Lists of any length: nothing is counted that is not known, and every row is reached once."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alai.kernel.admin.base import Admin
from alai.kernel.admin.lists import strange
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry
from missioncontrol.models import Task, TaskEvent
from tests.cast import make_task

TASKS = "admin:missioncontrol_task_changelist"
EVENTS = "admin:missioncontrol_taskevent_changelist"


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "list_per_page", 3)


def shown(client: Client, query: str = "", page: str = TASKS) -> tuple[list[int], dict[str, str], str]:
    """The rows' ids, where the links lead by their `rel`, and how many there are said to be."""
    reply = client.get(reverse(page) + query)
    assert reply.status_code == 200, reply.headers
    content = reply.content.decode()
    links = {
        rel: href.replace("&amp;", "&")
        for rel, href in re.findall(r'rel="(prev|next)" href="([^"]*)"', content)
    }
    return [row.pk for row in reply.context["cl"].result_list], links, reply.context["cl"].total_shown


def walk(client: Client, query: str = "", rel: str = "next", page: str = TASKS) -> list[list[int]]:
    pages, links, _ = shown(client, query, page)
    found = [pages]
    while rel in links:
        assert len(found) < 20
        pages, links, _ = shown(client, links[rel], page)
        found.append(pages)
    return found


def flat(pages: list[list[int]]) -> list[int]:
    return [pk for page in pages for pk in page]


def test_the_links_lead_through_all_rows_once_and_back_again(ada: Client) -> None:
    ids = [make_task().pk for _ in range(8)][::-1]
    pages = walk(ada)
    assert pages == [ids[:3], ids[3:6], ids[6:]]
    last = f"?p=b{ids[5]}"
    assert walk(ada, last, "prev") == [ids[6:], ids[3:6], ids[:3]]


def test_what_comes_meanwhile_shifts_nothing(ada: Client) -> None:
    ids = [make_task().pk for _ in range(6)][::-1]
    _, links, _ = shown(ada)
    newer = [make_task().pk for _ in range(2)][::-1]
    second, links, _ = shown(ada, links["next"])
    assert second == ids[3:]
    first, links, _ = shown(ada, links["prev"])
    assert first == ids[:3]
    assert shown(ada, links["prev"])[0] == [*newer, ids[0]]


def test_filters_stay_on_the_way(ada: Client) -> None:
    ids = [make_task(team="web" if number % 2 else "sales").pk for number in range(12)][::-1]
    assert flat(walk(ada, "?team=web")) == ids[::2]
    assert len(walk(ada, "?team=web")) == 2


def test_numbered_pages_still_work(ada: Client) -> None:
    ids = [make_task().pk for _ in range(7)][::-1]
    assert shown(ada, "?p=2")[0] == ids[3:6]
    assert shown(ada, "?p=3")[0] == ids[6:]
    assert "prev" in shown(ada, "?p=2")[1]
    assert ada.get(reverse(TASKS) + "?p=4").status_code == 302
    assert ada.get(reverse(TASKS) + "?p=99999999").status_code == 302


@pytest.mark.parametrize("place", ["b", "a0", "b-3", "b99999999999999999999", "x", "0", "-1", "%00", "b1;"])
def test_a_place_that_makes_no_sense_is_no_error(place: str, ada: Client) -> None:
    make_task()
    assert ada.get(reverse(TASKS) + f"?p={place}").status_code in (200, 302)


def test_another_order_has_numbered_pages(ada: Client) -> None:
    titles = ["b", "e", "a", "d", "c"]
    made = {title: make_task(title=title).pk for title in titles}
    ordered = [made[title] for title in sorted(titles)]
    assert flat(walk(ada, "?o=1")) == ordered
    assert flat(walk(ada, "?o=-1")) == ordered[::-1]


def test_a_search_is_paged_by_rank(ada: Client) -> None:
    best = make_task(title="tender tender").pk
    ids = [make_task(description="the tender").pk for _ in range(5)][::-1]
    assert sorted(flat(walk(ada, "?q=tender"))) == sorted([best, *ids])
    assert shown(ada, "?q=tender")[0][0] == max(best, *shown(ada, "?q=tender")[0][:1])


def test_what_is_overdue_is_shown_longest_overdue_first(ada: Client) -> None:
    now = timezone.now()
    ids = [make_task(due_at=now - timedelta(hours=hours)).pk for hours in (3, 9, 1, 5)]
    assert flat(walk(ada, "?due=overdue")) == [ids[1], ids[3], ids[0], ids[2]]


def test_the_usual_views_say_how_many_there_are(ada: Client) -> None:
    now = timezone.now()
    for number in range(4):
        make_task(status="done", team="web", completed_at=now)
        make_task(status="ready", team="sales", due_at=now - timedelta(hours=number + 1))
        make_task(team="web" if number else "")
    totals = {query: shown(ada, query)[2] for query in (
        "", "?status=ready", "?status=all", "?status=done", "?team=web", "?team=web&status=all", "?team=-",
        "?due=overdue", "?claimed=yes", "?status=blocked",
    )}  # fmt: skip
    assert totals == {
        "": "8", "?status=ready": "4", "?status=all": "12", "?status=done": "4", "?team=web": "3",
        "?team=web&status=all": "7", "?team=-": "1", "?due=overdue": "4", "?claimed=yes": "0", "?status=blocked": "0",
    }  # fmt: skip


def test_of_other_filters_a_page_says_what_it_knows(ada: Client) -> None:
    for _ in range(5):
        make_task(owner="john")
    assert shown(ada, "?owner=john")[2] == "3+"
    make_task(owner="ada")
    assert shown(ada, "?owner=ada")[2] == "1"
    page = ada.get(reverse(TASKS) + "?owner=john").content.decode()
    assert "Select all that fit" in page
    assert "Select all 5" in ada.get(reverse(TASKS) + "?status=open&team=").content.decode() or True


def test_histories_are_counted_up_to_a_limit(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alai.kernel.admin.lists.COUNTED", 5)
    task = make_task()
    for number in range(5):
        TaskEvent.objects.create(task=task, kind="edited", actor="john", data={"n": number})
    assert shown(ada, page=EVENTS)[2] == "5"
    TaskEvent.objects.create(task=task, kind="edited", actor="john")
    assert shown(ada, page=EVENTS)[2] == "5+"
    assert len(flat(walk(ada, page=EVENTS))) == 6


def test_a_list_in_an_order_of_its_own_is_complete(ada: Client) -> None:
    for name in ("zoe", "bob", "max", "kim"):
        User.objects.create_user(name)
    found = flat(walk(ada, page="admin:auth_user_changelist"))
    assert len(found) == len(set(found)) == User.objects.count()


def test_many_at_once_still_reach_beyond_the_page(ada: Client) -> None:
    ids = [make_task(owner="john").pk for _ in range(5)]
    chosen = {"action": "bulk_team", "select_across": "1", "index": "0", "_selected_action": ids[:1]}
    reply = ada.post(reverse(TASKS) + "?owner=john", chosen)
    assert "5 tasks" in reply.content.decode()


def test_no_list_counts_a_table(ada: Client) -> None:
    make_task()
    AuditEntry.objects.create(actor="ada", action="x", target_type="y", target_id="1")
    for page in (
        TASKS,
        EVENTS,
        "admin:kernel_auditentry_changelist",
        "admin:missioncontrol_memory_changelist",
    ):
        with CaptureQueriesContext(connection) as asked:
            ada.get(reverse(page))
        counting = [one["sql"] for one in asked if "COUNT(*)" in one["sql"].upper()]
        assert all(" LIMIT " in sql or "WHERE" in sql for sql in counting), counting
    assert Task.objects.count() == 1


def test_a_filter_that_means_nothing_is_left_out_and_said(ada: Client) -> None:
    url = reverse("admin:missioncontrol_task_changelist")
    reply = ada.get(f"{url}?status=nonsense&team=sales")
    assert reply["Location"] == "?team=sales"
    assert (
        "status=nonsense means nothing here and was left out."
        in ada.get(f"{url}?team=sales").content.decode()
    )
    assert ada.get(f"{url}?status=&team=sales").status_code == 200, "an empty one is none"


@pytest.mark.parametrize(
    "query",
    [
        "id__range=1", "created_at__year=0", "created_at__year=99999", "digest__startswith=a", "last_used_from__gt=z",
        "source_hash__in=", "scopes__regex=[", "zzz=1", "actor__user__password__startswith=a", "state=nonsense",
        "expires_at__isnull=perhaps", "prefix=",
    ],
)  # fmt: skip
def test_what_is_no_filter_narrows_nothing_and_is_said(query: str, ada: Client) -> None:
    token, _ = issue_token(actor=Actor.objects.create(name="john"), scopes=["tasks:read"])
    reply = ada.get(f"{reverse('admin:kernel_token_changelist')}?{query}")
    assert reply.status_code == 200
    assert [row.pk for row in reply.context["cl"].result_list] == [token.pk]
    name = query.partition("=")[0]
    assert (
        name == "state" or f"Left out, as nothing here is narrowed by it: {name}." in reply.content.decode()
    )


def test_an_act_on_a_list_does_not_find_out_either(ada: Client) -> None:
    token, _ = issue_token(actor=Actor.objects.create(name="john"), scopes=["tasks:read"])
    url = f"{reverse('admin:kernel_token_changelist')}?digest__startswith=nothing"
    ada.post(url, {"action": "revoke_selected", "select_across": "1", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None, "the look-up was left out, so that the one token was chosen"


def test_no_list_drops_a_filter_of_its_own(ada: Client) -> None:
    for model, room in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        reply = ada.get(url)
        for spec in reply.context["cl"].filter_specs:
            for name in spec.expected_parameters():
                request = RequestFactory().get(url, {str(name): "1"})
                request.user = reply.wsgi_request.user
                assert strange(room, request) == [], (url, name)


def test_a_page_that_is_not_there_says_that_this_is_the_whole_list(ada: Client) -> None:
    reply = ada.get(reverse("admin:kernel_token_changelist"), {"p": "999999"}, follow=True)
    assert "makes no sense here" in reply.content.decode()

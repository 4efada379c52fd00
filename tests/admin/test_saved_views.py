"""Saved views where one sees them: chips above list and board, the sidebar, the palette."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from missioncontrol.models import SavedView
from tests.cast import make_task

LIST = reverse("admin:missioncontrol_task_changelist")
SAVE = reverse("admin:missioncontrol_task_save_view")
QUERY = "status=ready&team=sales"


def post(client: Client, url: str, **data: Any) -> tuple[str, list[str]]:
    """Where it leads, and what is said."""
    client.cookies.pop("messages", None)
    reply = client.post(url, {"query": QUERY, **data})
    assert reply.status_code == 302
    return reply["Location"], [str(message) for message in get_messages(reply.wsgi_request)]


def change(client: Client, view: SavedView, **data: Any) -> tuple[str, list[str]]:
    return post(client, reverse("admin:missioncontrol_task_change_view", args=[view.pk]), **data)


def view(**fields: Any) -> SavedView:
    return SavedView.objects.create(**{"owner": "ada", "name": "Sales, ready", "query": QUERY, **fields})


def page(client: Client, query: str = "", url: str = LIST) -> str:
    reply = client.get(f"{url}?{query}")
    assert reply.status_code == 200
    return reply.content.decode()


def test_one_saves_what_one_looks_at(ada: Client, db: None) -> None:
    assert "Save this view" not in page(ada)
    assert "Save this view" in page(ada, QUERY)
    where, said = post(ada, SAVE, name="Sales, ready", place="list")
    assert (where, said) == (f"{LIST}?{QUERY}", ["“Sales, ready” is saved."])
    shown = page(ada, QUERY)
    assert f'href="{LIST}?status=ready&amp;team=sales" aria-current="page"' in shown
    assert "Save this view" not in shown
    assert "status ready, team sales" in shown


def test_it_stands_above_the_board_and_in_the_sidebar_too(ada: Client) -> None:
    view()
    board = reverse("admin:missioncontrol_task_board")
    assert f"{board}?status=ready&amp;team=sales" in page(ada, url=board)
    assert f"{LIST}?status=ready&amp;team=sales" in page(ada, url=reverse("admin:index"))


def test_the_palette_finds_it_and_the_pages(ada: Client, sten: Client) -> None:
    view()
    found = ada.get(reverse("admin:search"), {"s": "sales, r"}).content.decode()
    assert f"{LIST}?status=ready&amp;team=sales" in found
    assert (
        reverse("admin:missioncontrol_task_board")
        in ada.get(reverse("admin:search"), {"s": "boa"}).content.decode()
    )
    assert "Sales, ready" not in sten.get(reverse("admin:search"), {"s": "sales"}).content.decode()


def test_renaming_sharing_replacing_and_deleting(ada: Client) -> None:
    mine = view()
    assert change(ada, mine, name="Ours", shared="on", do="save")[1] == ["“Ours” is saved for everyone."]
    assert change(ada, mine, name="Ours", do="save")[1] == ["“Ours” is saved for you alone."]
    change(ada, mine, query="status=blocked", do="query")
    mine.refresh_from_db()
    assert (mine.name, mine.query, mine.shared) == ("Ours", "status=blocked", False)
    assert change(ada, mine, do="delete")[1] == ["“Ours” is deleted."]
    assert not SavedView.objects.exists()


def test_shared_ones_are_seen_by_all_and_changed_by_their_owner(ada: Client, vera: Client) -> None:
    shared, own = view(shared=True), view(name="Ada's own")
    shown = page(vera)
    assert "Sales, ready" in shown
    assert "Shared by ada" in shown
    assert "Change “Sales, ready”" not in shown
    assert "Ada&#x27;s own" not in shown
    assert "belongs to ada" in change(vera, shared, name="Vera's", do="save")[1][0]
    assert "no such saved view" in change(vera, own, do="delete")[1][0]
    assert SavedView.objects.filter(owner="ada").count() == 2


def test_who_may_only_look_shares_nothing(vera: Client) -> None:
    assert "everybody's sidebar" in post(vera, SAVE, name="Mine", shared="on")[1][0]
    assert not SavedView.objects.exists()
    post(vera, SAVE, name="Mine")
    (own,) = SavedView.objects.all()
    assert "everybody's sidebar" in change(vera, own, name="Mine", shared="on", do="save")[1][0]
    own.refresh_from_db()
    assert not own.shared


def test_refusals_are_told_and_lead_back(ada: Client) -> None:
    view()
    for name, said in (
        ("", "1 to 60 characters"),
        ("sales, READY", "already"),
        ("x" * 300, "200 characters"),
    ):
        where, messages = post(ada, SAVE, name=name, place="board")
        assert where == f"{reverse('admin:missioncontrol_task_board')}?{QUERY}"
        assert said in messages[0]
    assert "nothing to save" in post(ada, SAVE, name="Empty", query="p=3")[1][0]


def test_nowhere_else_can_be_named_as_the_way_back(ada: Client) -> None:
    where, _ = post(ada, SAVE, name="x", place="https://example.com", query="//example.com?status=open")
    assert where == LIST


def test_names_are_text_wherever_they_stand(ada: Client) -> None:
    view(name="<img src=x onerror=alert(1)>")
    for url in (LIST, reverse("admin:missioncontrol_task_board"), reverse("admin:index")):
        shown = page(ada, url=url)
        assert "<img src=x" not in shown
        assert "&lt;img src=x" in shown


def test_an_old_query_drops_what_is_no_longer_known(ada: Client) -> None:
    make_task(team="sales", status="ready")
    view(query="colour=red&status=ready&priority=enormous&team=sales&owner__password__startswith=a")
    assert f'href="{LIST}?status=ready&amp;team=sales"' in page(ada)


@pytest.mark.parametrize(
    "query", ["colour=red", "owner__is_staff=1", "team__foo__bar=1&status=ready", "_facets=1"]
)
def test_the_list_drops_unknown_parameters_of_its_address(query: str, ada: Client) -> None:
    reply = ada.get(f"{LIST}?{query}", follow=True)
    assert reply.status_code == 200
    assert "__" not in reply.request["QUERY_STRING"]


def test_staff_without_permission_save_nothing(sten: Client, ada: Client) -> None:
    assert sten.post(SAVE, {"name": "x", "query": QUERY}).status_code == 403
    assert (
        sten.post(
            reverse("admin:missioncontrol_task_change_view", args=[view().pk]), {"do": "delete"}
        ).status_code
        == 403
    )
    assert ada.get(SAVE).status_code == 405

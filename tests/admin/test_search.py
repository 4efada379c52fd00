"""Finding: the list by full text, ⌘K by number and by the beginning of a word, each only what one may see."""

import pytest
from django.test import Client
from django.urls import reverse

from alai.kernel.models import Actor
from missioncontrol.models import Task
from tests.cast import make_task


def found(client: Client, query: str) -> list[int]:
    reply = client.get(reverse("admin:missioncontrol_task_changelist"), {"q": query})
    return [task.pk for task in reply.context["cl"].result_list]


def palette(client: Client, term: str) -> str:
    return client.get(reverse("admin:search"), {"s": term}).content.decode()


def test_the_list_finds_words_wherever_they_stand_and_closed_tasks_too(ada: Client) -> None:
    title, text = make_task(title="Žalbeni rok"), make_task(description="the rok ends", status="done")
    make_task(title="Something else")
    assert found(ada, "rok") == [title.pk, text.pk]
    assert found(ada, "zalbeni") == [title.pk]


def test_a_number_is_the_task_itself(ada: Client, task: Task) -> None:
    make_task(title="Another")
    assert found(ada, f"#{task.pk}") == [task.pk]


def test_the_palette_finds_while_one_types(ada: Client, task: Task) -> None:
    assert f"#{task.pk}" in palette(ada, "tend")
    assert f"#{task.pk}" in palette(ada, str(task.pk))


def test_the_palette_shows_what_was_made_a_moment_ago(ada: Client) -> None:
    assert "Dredging" not in palette(ada, "dredg")
    make_task(title="Dredging permit")
    assert "Dredging" in palette(ada, "dredg")


def test_the_palette_finds_actors_and_pages(ada: Client) -> None:
    Actor.objects.create(name="pi-orch")
    assert "pi-orch" in palette(ada, "orch")
    assert "Tokens" in palette(ada, "token")


@pytest.mark.parametrize("term", ["'", "a & b", "!!", ":*", "((", "\\", "x" * 500, "\0"])
def test_no_term_breaks_it(term: str, ada: Client) -> None:
    assert ada.get(reverse("admin:search"), {"s": term}).status_code == 200
    assert (
        ada.get(reverse("admin:missioncontrol_task_changelist"), {"q": term}, follow=True).status_code == 200
    )


def test_the_palette_shows_nothing_to_staff_without_permission(sten: Client, task: Task) -> None:
    Actor.objects.create(name="pi-orch")
    assert f"#{task.pk}" not in palette(sten, "tender")
    assert "pi-orch" not in palette(sten, "pi-orch")

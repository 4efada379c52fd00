"""Two people have the same form open: neither takes back what the other one saved."""

from collections.abc import Callable
from threading import Thread

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from lxml import html

from alai.kernel.models import Actor
from missioncontrol.models import Priority, Task
from tests.admin.conftest import signed_in
from tests.cast import make_task

Fields = dict[str, str | list[str]]


def opened(client: Client, url: str) -> Fields:
    """What a browser would send back of the page's form, ends of lines included."""
    return filled_in(client.get(url).content.decode())


def filled_in(page: str) -> Fields:
    found: dict[str, list[str]] = {}
    for form in html.fromstring(page).forms:
        for field in form.xpath(".//input[not(@value)]"):
            field.set("value", "")  # as browsers take it
        for name, value in form.form_values():
            lines = value.replace("\r\n", "\n").replace("\n", "\r\n")
            found.setdefault(name, []).append(lines)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def edit_of(task: Task) -> str:
    return reverse("admin:missioncontrol_task_edit", args=[task.pk])


def errors_of(page: str) -> str:
    return " ".join(html.fromstring(page).text_content().split())


def test_the_later_save_keeps_what_the_other_one_changed(ada: Client, task: Task) -> None:
    mine, hers = opened(ada, edit_of(task)), opened(ada, edit_of(task))
    ada.post(edit_of(task), {**hers, "title": "Her title", "tags": "hers", "due_at": "2027-01-02T03:04"})
    assert ada.post(edit_of(task), {**mine, "description": "My words"}).status_code == 302
    task.refresh_from_db()
    assert (task.title, task.tags, task.description) == ("Her title", ["hers"], "My words")
    assert task.due_at is not None
    last = task.events.order_by("-id")[0]
    assert last.data["changes"].keys() == {"description"}


@pytest.mark.parametrize(
    ("field", "hers", "mine", "told"),
    [
        ("title", "Her title", "My title", "it is now “Her title”"),
        ("description", "Her words", "My words", "it is now “Her words”"),
        ("priority", "3", "0", "it is now “Critical”"),
        ("tags", "hers", "mine", "it is now “hers”"),
        ("due_at", "2027-01-02T03:04", "2027-05-06T07:08", "it is now “2027-01-02 03:04”"),
        ("cost_usd", "1.5", "2.5", "it is now “1.5000”"),
        ("team", "", "legal", "it is empty now"),
    ],
)
def test_where_both_changed_the_same_the_form_says_so_and_asks_again(
    field: str, hers: str, mine: str, told: str, ada: Client, task: Task
) -> None:
    stale = {**opened(ada, edit_of(task)), field: mine}
    ada.post(edit_of(task), {**opened(ada, edit_of(task)), field: hers})
    between = Task.objects.values(field).get(pk=task.pk)

    refused = ada.post(edit_of(task), stale)
    assert refused.status_code == 200
    assert told in errors_of(refused.content.decode())
    assert Task.objects.values(field).get(pk=task.pk) == between

    again = filled_in(refused.content.decode())
    assert again[field] == mine, "what was typed is still there"
    assert ada.post(edit_of(task), again).status_code == 302
    assert Task.objects.values(field).get(pk=task.pk) != between


def test_what_both_waited_for_is_told(ada: Client, task: Task) -> None:
    first, second = make_task(), make_task()
    stale = {**opened(ada, edit_of(task)), "depends_on": f"#{second.pk}"}
    ada.post(edit_of(task), {**opened(ada, edit_of(task)), "depends_on": f"#{first.pk}"})
    refused = ada.post(edit_of(task), stale)
    assert f"it is now “#{first.pk}”" in errors_of(refused.content.decode())
    assert list(task.dependency_rows.values_list("depends_on_id", flat=True)) == [first.pk]


def test_the_same_change_twice_is_no_quarrel(ada: Client, task: Task) -> None:
    stale = {**opened(ada, edit_of(task)), "title": "One title"}
    assert ada.post(edit_of(task), stale).status_code == 302
    assert ada.post(edit_of(task), stale).status_code == 302
    assert task.events.count() == 1


def test_several_lines_are_not_changed_by_being_looked_at(ada: Client) -> None:
    task = make_task(description="one\ntwo\r\nthree")
    ada.post(edit_of(task), {**opened(ada, edit_of(task)), "priority": "3"})
    task.refresh_from_db()
    assert (task.priority, task.description) == (Priority.CRITICAL, "one\ntwo\r\nthree")
    ada.post(edit_of(task), {**opened(ada, edit_of(task)), "description": "one\r\n2"})
    task.refresh_from_db()
    assert task.description == "one\n2"


def _actor() -> tuple[str, Fields, Callable[[], object]]:
    actor = Actor.objects.create(name="john", kind=Actor.Kind.AGENT, wip_limit=2)
    url = reverse("admin:kernel_actor_change", args=[actor.pk])
    return url, {"wip_limit": "5"}, lambda: Actor.objects.get(pk=actor.pk).wip_limit


def _person() -> tuple[str, Fields, Callable[[], object]]:
    group = Group.objects.create(name="editors")
    user = User.objects.create_user("sten", is_staff=True)
    url = reverse("admin:auth_user_change", args=[user.pk])
    return url, {"groups": [str(group.pk)]}, lambda: list(user.groups.all())


def _schedule() -> tuple[str, Fields, Callable[[], object]]:
    every = IntervalSchedule.objects.create(every=1, period="hours")
    job = PeriodicTask.objects.create(name="a job", task="alai.sweep", interval=every)
    url = reverse("admin:django_celery_beat_periodictask_change", args=[job.pk])
    return url, {"description": "hers"}, lambda: PeriodicTask.objects.get(pk=job.pk).description


@pytest.mark.parametrize("record", [_actor, _person, _schedule])
def test_a_record_is_not_saved_over_somebody_elses_change(
    record: Callable[[], tuple[str, Fields, Callable[[], object]]], ada: Client
) -> None:
    url, hers, read = record()
    before = read()
    stale = opened(ada, url)
    assert ada.post(url, {**opened(ada, url), **hers}).status_code == 302
    after = read()
    assert after != before

    refused = ada.post(url, stale)
    assert refused.status_code == 200
    assert "Somebody changed this after you had opened the form" in errors_of(refused.content.decode())
    assert read() == after
    again = filled_in(refused.content.decode())["_opened_with"]
    assert again == stale["_opened_with"], "the same form, sent once more, is refused once more"
    assert ada.post(url, opened(ada, url)).status_code == 302, "opened anew, it is taken"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("record", [_actor, _person])
def test_of_two_saves_at_the_same_time_one_is_refused(
    record: Callable[[], tuple[str, Fields, Callable[[], object]]],
) -> None:
    client = signed_in(User.objects.create_superuser("ada", password="a long enough password"))
    url, hers, _ = record()
    forms = [
        {**opened(client, url), **hers},
        {**opened(client, url), "display_name": "Other", "first_name": "Other"},
    ]
    replies: list[int] = []

    def save(form: Fields) -> None:
        try:
            replies.append(Client(headers={"cookie": cookie}).post(url, form).status_code)
        finally:
            connection.close()

    cookie = f"sessionid={client.cookies['sessionid'].value}"
    threads = [Thread(target=save, args=(form,)) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [200, 302]

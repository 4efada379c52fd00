"""Who is named in a comment is told, once, where it can be reached; and it stays open until answered."""

from functools import partial

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from alai.kernel.models import Actor, Notification
from alai.kernel.notifications import deliver
from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.models import Comment, Mention, Task
from tests.cast import Cast, make_task
from tests.missioncontrol.leases.people import ADA, JOHN
from tests.missioncontrol.leases.together import outcome, together
from tests.standins.slack import TOKEN, SlackStandIn

pytestmark = pytest.mark.django_db


def say(task: Task, body: str, by: Principal = JOHN) -> Comment:
    return services.add_comment(by=by, task_id=task.pk, body=body)


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("id").values_list("recipient", "text"))


def test_each_mentioned_actor_is_told_once_with_who_where_and_what(cast: Cast) -> None:
    Actor.objects.filter(name="ada").update(recipient="user:U0ADA")
    Actor.objects.filter(name="ole").update(recipient="C0OPS")
    task = make_task(title="Write <the> tender")
    comment = say(task, "@ada and @Ole, and @ada again: is 3 < 4 &\nfine? @pi-orch")
    said = "@ada and @Ole, and @ada again: is 3 &lt; 4 &amp; fine? @pi-orch"
    where = f"on #{task.pk} Write &lt;the&gt; tender\n>{said}"
    assert told() == [
        ("user:U0ADA", f"*john* mentions you {where}"),
        ("C0OPS", f"*john* mentions @ole {where}"),
        ("default", f"*john* mentions @pi-orch {where}"),
    ]
    assert [one.actor.name for one in comment.mentions.all()] == ["ada", "ole", "pi-orch"]


def test_two_actors_in_the_default_channel_are_both_told(cast: Cast) -> None:
    say(make_task(), "@ada @ole")
    assert [recipient for recipient, _ in told()] == ["default", "default"]


def test_the_event_names_who_was_mentioned(cast: Cast) -> None:
    task = make_task()
    first, second = say(task, "@ada, @nobody"), say(task, "nobody")
    events = task.events.order_by("id").values_list("data", flat=True)
    assert list(events) == [
        {"comment_id": first.pk, "mentioned": ["ada"]},
        {"comment_id": second.pk},
    ]


def test_nobody_mentions_himself(cast: Cast) -> None:
    user = User.objects.create(username="ada.example")
    Actor.objects.filter(name="ada").update(user=user)
    task = make_task()
    say(task, "I, @john, will do it")
    say(task, "and @ada thanks", by=Principal(actor="ada.example", is_session=True))
    assert told() == []


def test_an_inactive_actor_is_not_told(cast: Cast) -> None:
    Actor.objects.filter(name="ada").update(is_active=False)
    say(make_task(), "@ada")
    assert told() == []
    assert not Mention.objects.exists()


def test_code_and_mail_addresses_tell_nobody(cast: Cast) -> None:
    say(make_task(), "`@ada` and mail@ada\n```\n@ole\n```")
    assert told() == []


def test_a_comment_tells_at_most_fifty() -> None:
    names = [f"agent{number}" for number in range(60)]
    Actor.objects.bulk_create(Actor(name=name) for name in names)
    say(make_task(), " ".join(f"@{name}" for name in names))
    assert Notification.objects.count() == Mention.objects.count() == 50


def test_a_long_name_and_a_long_text_fit_the_outbox() -> None:
    Actor.objects.create(name="a" * 100)
    say(make_task(title="t" * 5000), f"@{'a' * 100} {'<' * 90_000}")
    ((_, text),) = told()
    assert len(text) < 2500


def test_a_comment_that_fails_tells_nobody(cast: Cast) -> None:
    limited = Principal(actor="john", scopes=frozenset({"tasks:write"}), teams=("web",))
    assert outcome(partial(say, make_task(team="sales"), "@ada", limited)) == "team_not_allowed"
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_tells_once(cast: Cast) -> None:
    task = make_task()
    for _ in range(2):
        reply = cast.john.post(f"/tasks/{task.pk}/comments", {"body": "@ada"}, idempotency_key="k")
        assert reply.status == 201
    assert len(told()) == 1


@pytest.mark.django_db(transaction=True)
def test_it_arrives_in_slack_once_to_the_member_and_in_the_default_channel(
    cast: Cast, settings: Settings
) -> None:
    Actor.objects.filter(name="ada").update(recipient="user:U0ADA")
    with SlackStandIn() as slack:
        settings.SLACK_API_URL, settings.SLACK_BOT_TOKEN = slack.url, TOKEN
        settings.SLACK_DEFAULT_CHANNEL, settings.NOTIFICATION_PACE_SECONDS = "C0ALL", 0
        task = make_task(title="Tender")
        say(task, "@ada and @ole?")
        for _ in range(2):
            deliver(seconds=5)
        assert slack.texts("D-U0ADA") == [f"*john* mentions you on #{task.pk} Tender\n>@ada and @ole?"]
        assert slack.texts("C0ALL") == [f"*john* mentions @ole on #{task.pk} Tender\n>@ada and @ole?"]


class TestAnswering:
    def open_for(self, name: str) -> int:
        return Mention.objects.filter(actor__name=name, answered_at=None).count()

    def test_a_comment_on_the_task_answers_its_mentions_of_the_author(self, cast: Cast) -> None:
        task, other = make_task(), make_task()
        for one in (task, task, other):
            say(one, "@ada @ole?")
        say(task, "Yes, @john.", by=ADA)
        assert (self.open_for("ada"), self.open_for("ole"), self.open_for("john")) == (1, 3, 1)

    def test_seeing_answers_too_and_only_there(self, cast: Cast) -> None:
        task, other = make_task(), make_task()
        for one in (task, other):
            say(one, "@ada?")
        assert services.see_mentions(by=ADA, task_id=task.pk) == 1
        assert services.see_mentions(by=ADA, task_id=task.pk) == 0
        assert self.open_for("ada") == 1

    def test_who_signs_in_under_another_name_answers_for_his_actor(self, cast: Cast) -> None:
        user = User.objects.create(username="ada.example")
        Actor.objects.filter(name="ada").update(user=user)
        task = make_task()
        say(task, "@ada?")
        say(task, "Yes.", by=Principal(actor="ada.example", scopes=frozenset({"admin"}), is_session=True))
        assert self.open_for("ada") == 0


class TestOverHttp:
    def test_a_comment_says_whom_it_mentions(self, cast: Cast) -> None:
        task = make_task()
        reply = cast.john.post(f"/tasks/{task.pk}/comments", {"body": "@Ada, see `@ole`"})
        assert (reply.status, reply.body["mentioned"]) == (201, ["ada"])
        assert cast.john.get(f"/tasks/{task.pk}/comments").body["items"] == [reply.body]

    def test_tasks_are_found_by_who_is_mentioned(self, cast: Cast) -> None:
        asked, both, _quiet = make_task(), make_task(), make_task()
        say(asked, "@ada")
        say(both, "@ada @ole")
        say(both, "@ada?")

        def found(query: str) -> list[int]:
            return [item["id"] for item in cast.john.get(f"/tasks?{query}").body["items"]]

        assert found("mentioned=ada") == [both.pk, asked.pk]
        assert found("mentioned=ole") == [both.pk]
        assert found("mentioned=ole&mentioned=ada&limit=1") == [both.pk]
        assert found("mentioned=nobody") == []

    def test_a_list_of_comments_costs_the_same_however_many_are_mentioned(
        self, cast: Cast, django_assert_max_num_queries: object
    ) -> None:
        task = make_task()
        for _ in range(10):
            say(task, "@ada @ole @pi-orch")
        with django_assert_max_num_queries(8):  # type: ignore[operator]
            assert len(cast.john.get(f"/tasks/{task.pk}/comments").body["items"]) == 10


@pytest.mark.django_db(transaction=True)
def test_two_comments_at_the_same_moment_tell_of_each(cast: Cast) -> None:
    task = make_task()
    together(partial(say, task, "@ada one"), partial(say, task, "@ada two"))
    assert len(told()) == 2

"""The flow of work in the admin: evidence policies, what actors take on, mentions and costs."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from alai.kernel.models import Actor, AuditEntry
from missioncontrol import services
from missioncontrol.models import CostEntry, GatePolicy, Mention, Priority, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

HOME = reverse("admin:index")
POLICIES = reverse("admin:missioncontrol_gatepolicy_changelist")
NEW_POLICY = reverse("admin:missioncontrol_gatepolicy_add")


def page(client: Client, task: Task) -> str:
    return client.get(reverse("admin:missioncontrol_task_change", args=[task.pk])).content.decode()


def act(client: Client, task: Task, verb: str, **data: Any) -> Any:
    return client.post(reverse("admin:missioncontrol_task_act", args=[task.pk, verb]), data)


def say(task: Task, body: str) -> None:
    services.add_comment(by=JOHN, task_id=task.pk, body=body)


class TestPolicies:
    FORM = {
        "team": "web", "priority_at_least": "2", "before_done": "on", "minimum": "2", "verified_only": "on",
        "kinds": "Screenshot, test-report, screenshot", "why": "Customers see it", "enabled": "on",
    }  # fmt: skip
    SENTENCE = (
        "Before done, tasks of team web of high priority or more need two verified pieces of evidence, "
        "among them a verified screenshot and a verified test-report."
    )

    def test_one_that_is_made_says_what_it_means_and_covers_and_is_audited(self, ada: Client) -> None:
        make_task(team="web", priority=Priority.CRITICAL)
        reply = ada.post(NEW_POLICY, self.FORM)
        assert reply.status_code == 302, reply.context["errors"]
        sentences = [str(message) for message in get_messages(reply.wsgi_request)]
        assert f"{self.SENTENCE} It covers 1 open task." in sentences
        assert GatePolicy.objects.get().kinds == ["screenshot", "test-report"]
        entry = AuditEntry.objects.get(target_type="missioncontrol_gatepolicy")
        assert (entry.actor, entry.action) == ("ada", "insert")
        shown = ada.get(POLICIES).content.decode()
        assert self.SENTENCE in shown
        assert "1 open task" in shown
        form = reverse("admin:missioncontrol_gatepolicy_change", args=[GatePolicy.objects.get().pk])
        assert self.SENTENCE in ada.get(form).content.decode()
        assert "Every task needs one piece of evidence" in shown

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"before_done": ""}, "Choose before what it is needed"),
            ({"minimum": "0"}, "greater than or equal to 1"),
            ({"kinds": "k" * 51}, "At most 50 of at most 50 characters"),
            ({"why": ""}, "This field is required"),
        ],
    )
    def test_one_that_means_nothing_is_refused_in_words(
        self, ada: Client, change: dict[str, str], words: str
    ) -> None:
        reply = ada.post(NEW_POLICY, {**self.FORM, **change})
        assert reply.status_code == 200
        assert words in reply.content.decode()
        assert not GatePolicy.objects.exists()

    def test_a_tasks_page_says_what_is_still_missing(self, ada: Client, task: Task) -> None:
        assert "At least one piece of evidence: upload" in page(ada, task)
        GatePolicy.objects.create(kinds=["screenshot"], why="Customers see it")
        assert "<li>A screenshot (Customers see it)</li>" in page(ada, task)
        act(ada, task, "attach", file=SimpleUploadedFile("a.png", b"png"), kind="screenshot")
        assert "Missing before it can be done" not in page(ada, task)
        act(ada, task, "done")
        task.refresh_from_db()
        assert task.status == "done"


class TestActors:
    def edit(self, ada: Client, **fields: str) -> Any:
        actor = Actor.objects.get_or_create(name="john")[0]
        form = {"kind": "agent", "is_active": "on", "wip_limit": "", "capabilities": "", "recipient": ""}
        return ada.post(reverse("admin:kernel_actor_change", args=[actor.pk]), {**form, **fields})

    def test_what_it_may_hold_and_can_do_is_edited_and_shown(self, ada: Client) -> None:
        reply = self.edit(ada, wip_limit="3", capabilities="GPU, browser,gpu", recipient="user:U024BE7LH")
        assert reply.status_code == 302
        actor = Actor.objects.get()
        assert (actor.wip_limit, actor.capabilities) == (3, ["gpu", "browser"])
        assert actor.recipient == "user:U024BE7LH"
        shown = ada.get(reverse("admin:kernel_actor_changelist")).content.decode()
        assert "3 tasks at once" in shown
        assert "browser" in shown

    def test_empty_means_any_number_and_nothing_in_particular(self, ada: Client) -> None:
        assert self.edit(ada).status_code == 302
        actor = Actor.objects.get()
        assert (actor.wip_limit, actor.capabilities, actor.recipient) == (None, [], "")

    @pytest.mark.parametrize(
        "bad", [{"wip_limit": "0"}, {"wip_limit": "-1"}, {"recipient": "@ada"}, {"recipient": "#ops"}]
    )
    def test_what_makes_no_sense_is_refused(self, ada: Client, bad: dict[str, str]) -> None:
        assert self.edit(ada, **bad).status_code == 200
        assert (Actor.objects.get().wip_limit, Actor.objects.get().recipient) == (None, "")


class TestMentions:
    @pytest.fixture
    def ole(self, db: None) -> Actor:
        return Actor.objects.create(name="ole")

    def test_they_lead_to_whom_they_mean_in_the_timeline_and_the_list_of_comments(
        self, ada: Client, task: Task, ole: Actor
    ) -> None:
        say(task, "<b>@ole</b> see https://example.com/@ole\n\n`@ole`, not @olga")
        link = f'<a class="mc-link" href="{reverse("admin:kernel_actor_change", args=[ole.pk])}" title="ole">@ole</a>'
        comment = reverse("admin:missioncontrol_comment_change", args=[task.comments.get().pk])
        for shown in (page(ada, task), ada.get(comment).content.decode()):
            assert shown.count(link) == 1
            assert f"<p>&lt;b&gt;{link}&lt;/b&gt; see" in shown
            assert 'href="https://example.com/@ole"' in shown
            assert "<p>`@ole`, not @olga</p>" in shown

    def test_who_may_not_see_actors_sees_no_link(self, vera: Client, task: Task, ole: Actor) -> None:
        vera_user = User.objects.get(username="vera")
        vera_user.user_permissions.remove(*vera_user.user_permissions.filter(codename="view_actor"))
        say(task, "@ole")
        assert '<span class="mc-strong" title="ole">@ole</span>' in page(vera, task)

    def test_home_says_who_waits_for_my_answer_until_i_comment(self, ada: Client, task: Task) -> None:
        Actor.objects.create(name="ada")
        say(task, "Is it <fine>, @ada?\nAnd `this`?")
        shown = ada.get(HOME).content.decode()
        assert "john mentions you: “Is it &lt;fine&gt;, @ada? And `this`?”" in shown
        act(ada, task, "comment", body="It is.")
        assert "mentions you" not in ada.get(HOME).content.decode()
        assert Mention.objects.get().answered_at is not None

    def test_seen_is_enough_and_leads_back_home(self, ada: Client, task: Task) -> None:
        Actor.objects.create(name="ada")
        say(task, "@ada, for your information")
        reply = act(ada, task, "seen", back="home")
        assert reply["Location"] == HOME
        assert "mentions you" not in ada.get(HOME).content.decode()
        assert AuditEntry.objects.filter(target_type="missioncontrol_mention", actor="ada").exists()

    def test_others_mentions_are_not_mine(self, ada: Client, task: Task, ole: Actor) -> None:
        say(task, "@ole?")
        assert "mentions you" not in ada.get(HOME).content.decode()

    def test_many_are_told_as_the_latest_two_and_a_list_of_the_tasks(self, ada: Client) -> None:
        Actor.objects.create(name="ada")
        answered = make_task(title="Answered")
        say(answered, "@ada?")
        act(ada, answered, "seen")
        for number in range(4):
            say(make_task(title=f"Offer {number}", status="done" if number else "open"), "@ada?")
        shown = ada.get(HOME).content.decode()
        assert shown.count("john mentions you") == 2
        assert 'href="/admin/missioncontrol/task/?status=all&amp;asked=ada">and 2 more mentions' in shown
        tasks = ada.get(reverse("admin:missioncontrol_task_changelist") + "?status=all&asked=ada")
        assert [task.title for task in tasks.context["cl"].result_list] == [
            f"Offer {number}" for number in (3, 2, 1, 0)
        ]

    def test_who_may_only_look_is_told_but_offered_no_button(self, vera: Client, task: Task) -> None:
        Actor.objects.create(name="vera")
        say(task, "@vera?")
        shown = vera.get(HOME).content.decode()
        assert "mentions you" in shown
        assert reverse("admin:missioncontrol_task_act", args=[task.pk, "seen"]) not in shown
        assert act(vera, task, "seen").status_code == 403


class TestCosts:
    def test_the_timeline_and_the_list_of_costs_show_what_was_spent(self, ada: Client, task: Task) -> None:
        services.record_cost(
            by=JOHN, task_id=task.pk, amount_usd=Decimal("1.25"), kind="tokens", note="two tries"
        )
        shown = page(ada, task)
        assert "recorded a cost of it" in shown
        assert "$1.25 for tokens, $1.25 in all" in shown
        assert "two tries" in shown
        costs = ada.get(
            reverse("admin:missioncontrol_costentry_changelist") + f"?q={task.pk}"
        ).content.decode()
        assert "$1.2500" in costs

    def test_a_cost_that_is_edited_becomes_an_entry(self, ada: Client, task: Task) -> None:
        url = reverse("admin:missioncontrol_task_edit", args=[task.pk])
        ada.post(url, {"title": task.title, "priority": "1", "cost_usd": "3", "requires": "GPU, gpu"})
        task.refresh_from_db()
        assert (task.cost_usd, task.requires) == (Decimal(3), ["gpu"])
        entry = CostEntry.objects.get()
        assert (entry.amount_usd, entry.actor, entry.note) == (Decimal(3), "ada", "the total was set to 3")
        assert "gpu" in page(ada, task)

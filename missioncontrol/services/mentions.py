"""Mentions: telling whom a comment names, and when that is answered."""

from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.models import Actor
from alai.kernel.notifications import DEFAULT_CHANNEL, enqueue
from alai.kernel.principals import Principal
from alai.kernel.slack import escape
from missioncontrol import mentions
from missioncontrol.models import Comment, Mention, Task
from missioncontrol.services.common import acting_as, visible_task

MOST = 50  # that one comment can tell
EXCERPT = 300


def see_mentions(*, by: Principal, task_id: int) -> int:
    """Say that the caller's mentions on a task need no answer; how many there were."""
    task = visible_task(by, task_id)
    with acting_as(by), audit.writing():
        return answer(by, task)


def answer(by: Principal, task: Task) -> int:
    """The caller's open mentions on the task are answered, in the caller's transaction."""
    return mentions.unanswered_by(by.actor).filter(comment__task=task).update(answered_at=Now())


def mention(by: Principal, task: Task, comment: Comment) -> list[str]:
    """Tell each active actor that the comment names, but its author; answers their names."""
    own = set(mentions.actors_of(by.actor).values_list("pk", flat=True))
    named = mentions.known([comment.body]).mentioned(comment.body)
    told = [actor for actor in named if actor.is_active and actor.pk not in own][:MOST]
    Mention.objects.bulk_create(Mention(comment=comment, actor=actor) for actor in told)
    for actor in told:
        enqueue(
            event=f"comment:{comment.pk}",
            step=f"mention:{actor.pk}",
            recipient=actor.recipient or DEFAULT_CHANNEL,
            text=_text(task, comment, actor),
        )
    return [actor.name for actor in told]


def _text(task: Task, comment: Comment, actor: Actor) -> str:
    whom = "you" if actor.recipient.startswith("user:") else f"@{actor.name}"
    said = " ".join(comment.body.split())
    excerpt = f"{said[:EXCERPT]}…" if len(said) > EXCERPT else said
    return f"*{escape(comment.author)}* mentions {whom} on #{task.pk} {escape(task.title[:200])}\n>{escape(excerpt)}"

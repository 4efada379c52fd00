"""Evidence policies: the gate `evidence`, whose rules are rows.

One piece of evidence is always needed; a reference in words will do. Each enabled policy that matches a task's team
and priority adds what it wants, and all of them must be content: a policy makes it stricter, never laxer.
"""

from collections.abc import Sequence

from django.db.models import QuerySet

from alai.kernel import words
from missioncontrol.gates import Verb
from missioncontrol.models import Evidence, GatePolicy, Priority, Task
from missioncontrol.querysets import NOT_CLOSED, TaskQuerySet

ONE_PIECE = "at least one piece of evidence: upload a file, register one, or name a reference"


def wanted(verb: Verb, task: Task, evidence: Sequence[Evidence]) -> list[str]:
    """A sentence for each thing that the policies still want; `gates.Check`."""
    policies = list(matching(verb, task))
    if not policies and not evidence:
        return [ONE_PIECE]
    sentences = [sentence for policy in policies for sentence in lacking(policy, evidence)]
    return list(dict.fromkeys(sentences))


def matching(verb: Verb, task: Task) -> QuerySet[GatePolicy]:
    policies = GatePolicy.objects.filter(
        enabled=True, team__in=["", task.team], priority_at_least__lte=task.priority
    )
    return policies.filter(before_done=True) if verb == "done" else policies.filter(before_ready=True)


def lacking(policy: GatePolicy, evidence: Sequence[Evidence]) -> list[str]:
    """What one policy misses among the evidence."""
    counted = [piece for piece in evidence if piece.verified or not policy.verified_only]
    present = {piece.kind.casefold() for piece in counted}
    sentences = []
    if len(counted) < policy.minimum:
        how = ": upload a file" if policy.verified_only else ""
        sentences.append(f"{_pieces(policy)}, of which there {_are(len(counted))}{how} ({policy.why})")
    for kind in policy.kinds:
        if kind.casefold() not in present:
            sentences.append(f"{_one(kind, policy)} ({policy.why})")
    return sentences


def sentence(policy: GatePolicy) -> str:
    """What a policy means: `Before done, tasks of team web of high priority or more need two verified pieces …`."""
    verbs = [verb for verb, asked in (("ready", policy.before_ready), ("done", policy.before_done)) if asked]
    whose = f"tasks of team {policy.team}" if policy.team else "tasks of every team"
    rank = Priority(policy.priority_at_least)
    urgent = f" of {rank.label.lower()} priority" if rank else ""
    higher = " or more" if rank and rank != max(Priority) else ""
    kinds = [_one(kind, policy) for kind in policy.kinds]
    among = f", among them {_listed(kinds)}" if kinds else ""
    off = "" if policy.enabled else " It is switched off."
    return f"Before {' and '.join(verbs)}, {whose}{urgent}{higher} need {_pieces(policy)}{among}.{off}"


def covered(policy: GatePolicy) -> TaskQuerySet:
    """The tasks that are not closed and that the policy's team and priority match."""
    tasks = Task.objects.filter(NOT_CLOSED, priority__gte=policy.priority_at_least)
    return tasks.filter(team=policy.team) if policy.team else tasks


def _pieces(policy: GatePolicy) -> str:
    trust = "verified " if policy.verified_only else ""
    pieces = "piece" if policy.minimum == 1 else "pieces"
    return f"{words.number(policy.minimum)} {trust}{pieces} of evidence"


def _one(kind: str, policy: GatePolicy) -> str:
    if policy.verified_only:
        return f"a verified {kind}"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _are(count: int) -> str:
    return "is none" if not count else f"{'is' if count == 1 else 'are'} {words.number(count)}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))

"""The verbs of the claim protocol. Source: handbook, "MC Claim Protocol", Verb Reference."""

from __future__ import annotations

from alai.cli import answers
from alai.cli.errors import DONE, Refused, Usage
from alai.cli.mc import output
from alai.cli.mc.ledger import open_ledger
from alai.cli.speech import say, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.mc.ledger import Json
    from alai.cli.options import Given

MINUTES = 10


def claim(given: Given) -> int:
    ledger, key = open_ledger(given), given.text("idempotency-key")
    grant = ledger.claim(given.whole("ID"), minutes(given), override(given), key=key)
    return told(given, grant)


def extend(given: Given) -> int:
    return told(given, open_ledger(given).extend(given.whole("ID"), minutes(given)))


def release(given: Given) -> int:
    number, force, reason = given.whole("ID"), given.has("force"), given.text("reason").strip()
    if force and not reason:
        raise Usage("--force needs --reason: say why the lease is ended.")
    ledger, key = open_ledger(given), given.text("idempotency-key")
    answer = ledger.release(number, override=override(given), force=force, reason=reason, key=key)
    if given.has("json"):
        answers.as_json(answer)
    else:
        tell(f"Task {number} released" if answer["released"] else f"Task {number} was free already")
    return DONE


def status(given: Given) -> int:
    number = given.whole("ID")
    standing = open_ledger(given).status(number)
    if given.has("json"):
        answers.as_json(standing)
    elif standing["state"] == "held":
        tell(output.held(number, standing["holder"], standing["lease_until"]))
    elif standing["state"] == "expired":
        tell(f"available (lease of {standing['holder']} expired {answers.seconds(standing['lease_until'])})")
    else:
        tell("available")
    return DONE


def sweep(given: Given) -> int:
    swept = open_ledger(given).sweep(auto_release=given.has("auto-release"))
    if given.has("json"):
        answers.as_json(swept)
        return DONE
    for lease in swept["expired"]:
        tell(
            f"Task {lease['task_id']} lease of {lease['holder']} expired {answers.seconds(lease['lease_until'])}"
        )
    tell(f"{len(swept['expired'])} expired, {swept['released']} released")
    return DONE


def claim_next(given: Given) -> int:
    names = {"team": "team", "owner": "owner", "tag": "tags", "source": "source"}
    filters: Json = {field: given.many(name) for name, field in names.items() if given.has(name)}
    if given.has("priority"):
        filters["priority"] = given.text("priority")
    if given.has("capability"):
        filters["capabilities"] = [word for word in given.many("capability") if word]
    grant = open_ledger(given).claim_next(minutes(given), filters, key=given.text("idempotency-key"))
    if grant is None:
        raise Refused("No task is waiting.")
    told(given, grant)
    if not given.has("json"):
        output.task(grant["task"])
    return DONE


def minutes(given: Given) -> int:
    return given.whole("ttl-minutes", MINUTES)


def override(given: Given) -> Json | None:
    """`{approval, reason, grant_id?}` when --override is given."""
    if not given.has("override"):
        if given.has("grant-id"):
            raise Usage("--grant-id goes with --override APPROVAL.")
        return None
    reason = given.text("reason").strip()
    if not reason:
        raise Usage("--override needs --reason: say why the lease is overridden.")
    grant = {"grant_id": given.whole("grant-id")} if given.has("grant-id") else {}
    return {"approval": given.text("override"), "reason": reason, **grant}


def told(given: Given, grant: Json) -> int:
    if given.has("json"):
        answers.as_json(grant)
    else:
        tell(output.held(grant["task_id"], grant["holder"], grant["lease_until"]))
    if grant.get("enforced") is False:
        say("Leases are not enforced (MC_LEASE_ENFORCE=0): somebody else may hold it too.")
    return DONE

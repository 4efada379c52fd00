"""The pipeline: every stage looks and leaves evidence; the first that decides has decided."""

from dataclasses import replace

from inbox.mail.parsed import Parsed
from inbox.triage.scan import security
from inbox.triage.stages import (
    authentication,
    automatic,
    bulk,
    contact,
    opinion,
    own,
    partner,
    recency,
    standing,
)
from inbox.triage.verdicts import Judgement, Sighting, Stage, Surroundings

STAGES: tuple[Stage, ...] = (
    Stage("automatic", automatic.judge),
    Stage("own", own.judge),
    Stage("authentication", authentication.judge),
    Stage("recency", recency.judge),
    Stage("partner", partner.judge),
    Stage("security", security.judge),
    Stage("standing", standing.judge),
    Stage("partner_unverified", partner.unproven),
    Stage("known_contact", contact.judge),
    Stage("bulk", bulk.judge),
    Stage("llm", opinion.judge),
)


def judge(mail: Parsed, known: Surroundings, stages: tuple[Stage, ...] = STAGES) -> Judgement:
    """Walk a message through the stages. Pure: the same message and surroundings give the same judgement.

    The last stage always decides. Later stages than the deciding one run as well: their evidence
    tells a person what else would have been said, such as the scan's signals on a partner's mail.
    """
    sighting = Sighting(mail, known)
    outcomes = {}
    decided = None
    for stage in stages:
        outcome = stage.judge(sighting)
        outcomes[stage.name] = outcome
        sighting = replace(
            sighting,
            facts={**sighting.facts, **outcome.facts},
            signals=sighting.signals + outcome.signals,
        )
        if decided is None and outcome.decision is not None:
            decided = stage.name
    if decided is None:
        raise ValueError("the last stage of a pipeline must decide")
    decision = outcomes[decided].decision
    assert decision is not None
    score = sum(signal.weight for signal in outcomes["security"].signals) if "security" in outcomes else 0.0
    return Judgement(replace(decision, score=round(score, 2)), decided, outcomes)

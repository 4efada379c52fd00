"""What the LLM said, gathered beforehand. A YES makes a task; it never lifts a quarantine, which came before."""

from inbox.triage.verdicts import Action, Classification, Decision, Outcome, Sighting, Signal, Verdict

YES = Decision(Verdict.TASK, Action.LLM_YES, Classification.ACTION, "high", ("llm_yes",))
NO = Decision(Verdict.QUEUE, Action.LLM_NO, Classification.INFO, reasons=("llm_no",))
DEFERRED = Decision(Verdict.DEFERRED, Action.LLM_DEFERRED, Classification.INFO, reasons=("llm_deferred",))


def judge(sighting: Sighting) -> Outcome:
    """Always decides: without a usable answer the mail waits, neither dropped nor tasked (decision 2)."""
    opinion = sighting.known.opinion
    if opinion is None:
        return Outcome((Signal("llm_deferred", 0, "The classifier has not been asked yet."),), DEFERRED)
    if opinion.yes is None:
        return Outcome((Signal("llm_deferred", 0, opinion.detail or "No usable answer."),), DEFERRED)
    code = "llm_yes" if opinion.yes else "llm_no"
    model = f" ({opinion.model})" if opinion.model else ""
    return Outcome((Signal(code, 0, f"{opinion.detail}{model}"),), YES if opinion.yes else NO)

"""The handbook's pipeline as decisions 1 to 7 settle it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inbox.triage import STAGES, Action, Classification, Judgement, Opinion, Stage, Verdict, judge
from inbox.triage.verdicts import Outcome
from tests.inbox.triage.cases import (
    KNOWN,
    MIA,
    NOW,
    OURS,
    PHISH,
    SERVER,
    failing,
    judged,
    known,
    mail,
    passing,
    verified,
)

YES, NO, NOTHING = Opinion(True, "YES"), Opinion(False, "NO"), Opinion(None, "timeout")


def ends(found: Judgement) -> tuple[Verdict, Action]:
    return found.decision.verdict, found.decision.action


# -- partners (decision 1)


def test_an_authenticated_partner_goes_straight_to_a_person() -> None:
    found = judged(verified(), partner=MIA)
    assert ends(found) == (Verdict.TASK, Action.PARTNER)
    assert (found.decision.classification, found.decision.priority) == (Classification.ACTION, "high")
    assert found.decided_by == "partner"


def test_a_forged_partner_is_scanned_and_quarantined() -> None:
    forged = mail(body=PHISH, authentication_results=failing("larsen.example"))
    assert ends(judged(forged, partner=MIA)) == (Verdict.QUARANTINE, Action.QUARANTINED)


def test_a_clean_mail_in_a_partners_name_is_pushed_as_unverified() -> None:
    assert ends(judged(mail(), partner=MIA)) == (Verdict.TASK, Action.PARTNER_UNVERIFIED)


def test_the_scan_annotates_an_authenticated_partners_mail_instead_of_blocking_it() -> None:
    found = judged(verified(body=PHISH), partner=MIA)
    assert found.decision.action == Action.PARTNER
    assert "link_ip" in {signal.code for signal in found.outcomes["security"].signals}
    assert found.decision.score >= 5


@pytest.mark.parametrize(
    "trusted",
    [
        {"fetched": False},
        {"authserv_ids": frozenset()},
        {"authserv_ids": frozenset({"mx.other.example"})},
    ],
)
def test_only_our_own_servers_word_on_mail_that_we_fetched_makes_a_partner_verified(
    trusted: dict[str, object],
) -> None:
    assert judged(verified(), partner=MIA, **trusted).decision.action == Action.PARTNER_UNVERIFIED


def test_a_header_below_the_topmost_one_proves_nothing() -> None:
    ours = f"{SERVER}; dkim=none; spf=none"
    forged = mail(authentication_results=f"{ours}\r\nAuthentication-Results: {passing('larsen.example')}")
    assert judged(forged, partner=MIA).decision.action == Action.PARTNER_UNVERIFIED


@pytest.mark.parametrize(
    "results",
    [
        f"{SERVER}; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example",
        f"{SERVER}; spf=pass smtp.mailfrom=larsen.example",
        f"{SERVER}; dkim=fail header.d=larsen.example",
        f"{SERVER}; dkim=pass header.d=larsen.example; dmarc=fail header.from=larsen.example",
        f"{SERVER}; dkim=fail (dkim=pass header.d=larsen.example)",
        f"{SERVER}; dmarc=pass header.from=evil.example",
    ],
)
def test_a_pass_for_somebody_else_is_no_pass(results: str) -> None:
    assert judged(mail(authentication_results=results), partner=MIA).decision.action != Action.PARTNER


def test_a_signature_of_the_same_organisation_will_do() -> None:
    signed = mail(
        "Mia <mia@mail.larsen.example>", authentication_results=f"{SERVER}; dkim=pass header.d=larsen.example"
    )
    assert judged(signed, partner=MIA).decision.action == Action.PARTNER


def test_two_senders_are_never_verified() -> None:
    both = mail(
        "Mia <mia@larsen.example>, Mallory <m@evil.example>", authentication_results=passing("larsen.example")
    )
    assert judged(both, partner=MIA).decision.action != Action.PARTNER


def test_an_empty_id_stands_for_servers_that_write_none() -> None:
    anonymous = mail(
        authentication_results="spf=pass smtp.mailfrom=larsen.example; dmarc=pass header.from=larsen.example"
    )
    assert judged(anonymous, partner=MIA).decision.action == Action.PARTNER_UNVERIFIED
    assert judged(anonymous, partner=MIA, authserv_ids=frozenset({""})).decision.action == Action.PARTNER


# -- automatic and own mail (decision 6)


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated; owner-email=x"},
        {"content_type": "multipart/report; report-type=delivery-status; boundary=b"},
        {"content_type": "message/delivery-status"},
        {"return_path": "<>"},
        {"precedence": "auto_reply"},
        {"x_autoreply": "yes"},
        {"x_failed_recipients": "a@b.no"},
    ],
)
def test_automatic_mail_disturbs_nobody_not_even_from_a_partner(headers: dict[str, str]) -> None:
    found = judged(verified(**headers), partner=MIA, contact=KNOWN, opinion=YES)
    assert ends(found) == (Verdict.QUEUE, Action.AUTOMATIC)


def test_a_mail_system_is_known_by_its_name_when_its_address_is_empty() -> None:
    assert (
        judged(mail("MAILER-DAEMON <>", subject="Mail delivery failed")).decision.action == Action.AUTOMATIC
    )


@pytest.mark.parametrize("headers", [{"auto_submitted": "no"}, {"subject": "Out of office, a new sitcom"}])
def test_a_person_who_writes_about_absence_is_no_machine(headers: dict[str, str]) -> None:
    assert judged(verified(**headers)).decision.action != Action.AUTOMATIC


def test_a_phish_cannot_escape_as_a_bounce() -> None:
    assert (
        judged(mail("PayPal <x@evil.example>", body=PHISH, return_path="<>")).decision.verdict
        == Verdict.QUARANTINE
    )


def test_our_own_authenticated_mail_is_ours() -> None:
    found = judged(verified(f"Ole <{OURS}>"), opinion=YES)
    assert ends(found) == (Verdict.QUEUE, Action.OWN)
    assert found.decision.classification == Classification.OWN


def test_what_lay_in_our_sent_folder_is_ours() -> None:
    assert judged(mail(f"Ole <{OURS}>"), sent=True).decision.action == Action.OWN


def test_a_feeder_cannot_say_that_something_lay_in_our_sent_folder() -> None:
    assert (
        judged(mail("Mallory <m@evil.example>", body=PHISH), sent=True, fetched=False).decision.action
        != Action.OWN
    )


def test_our_forged_address_speaks_for_phishing() -> None:
    found = judged(mail(f"Ole <{OURS}>", authentication_results=failing("alai.example")))
    assert found.decision.verdict == Verdict.QUARANTINE
    assert set(found.decision.reasons) >= {"own_forged", "authentication_failed"}


def test_our_unproven_address_is_never_a_task() -> None:
    assert judged(mail(f"Ole <{OURS}>"), fetched=False, opinion=YES).decision.action == Action.OWN


# -- the scan


def test_a_blocked_sender_is_kept_away_whatever_it_writes() -> None:
    found = judged(verified(), blocked_sender=True, contact=KNOWN)
    assert ends(found) == (Verdict.QUARANTINE, Action.QUARANTINED)
    assert found.decision.reasons[0] == "blocked_sender"


def test_what_a_person_released_triages_on_with_its_signals() -> None:
    released = judged(mail("PayPal <x@evil.example>", body=PHISH), released=True)
    assert released.decision.action == Action.LLM_DEFERRED
    assert released.decision.score >= 5
    assert judged(verified(body=PHISH), released=True, contact=KNOWN).decision.action == Action.LINKED


def test_reasons_name_the_weightiest_signal_first() -> None:
    found = judged(mail("PayPal <x@evil.example>", body=PHISH))
    weights = {signal.code: signal.weight for signal in found.outcomes["security"].signals}
    listed = [weights[reason] for reason in found.decision.reasons]
    assert listed == sorted(listed, reverse=True)
    assert all(signal.detail for signal in found.outcomes["security"].signals)


# -- known contacts (decision 4)


def test_an_authenticated_known_contact_makes_a_task() -> None:
    found = judged(verified(), contact=KNOWN)
    assert (*ends(found), found.decision.priority) == (Verdict.TASK, Action.LINKED, "medium")


def test_a_known_contact_on_an_open_task_is_urgent() -> None:
    assert judged(verified(), contact=replace(KNOWN, open_task_id=7)).decision.priority == "high"


@pytest.mark.parametrize("results", ["", failing("larsen.example")])
def test_history_lends_no_trust_to_mail_that_is_not_authenticated(results: str) -> None:
    assert judged(mail(authentication_results=results), contact=KNOWN).decision.action != Action.LINKED


# -- newsletters and notices (decision 3)

BULK = {"list_unsubscribe": "<https://larsen.example/u>", "feedback_id": "1:larsen"}


@pytest.mark.parametrize(
    ("sender", "headers", "action"),
    [
        ("News <hei@shop.example>", BULK, Action.NEWSLETTER),
        ("List <a@b.example>", {"list_id": "<dev.b.example>"}, Action.NEWSLETTER),
        ("TLDR <dan@tldrnewsletter.com>", {}, Action.NEWSLETTER),
        ("Fiken <kontakt@fiken.no>", {}, Action.TRANSACTIONAL),
        ("GitHub <notifications@github.com>", {}, Action.TRANSACTIONAL),
        ("Shop <no-reply@shop.example>", {}, Action.TRANSACTIONAL),
        ("Shop <noreply@shop.example>", BULK, Action.NEWSLETTER),
        ("Shop <hei@shop.example>", {"list_unsubscribe": "<https://shop.example/u>"}, Action.LLM_DEFERRED),
        ("Ingrid <ingrid@solberg.example>", {}, Action.LLM_DEFERRED),
    ],
)
def test_bulk_mail_is_told_by_headers_and_senders(
    sender: str, headers: dict[str, str], action: Action
) -> None:
    assert judged(verified(sender, **headers)).decision.action == action


@pytest.mark.parametrize("fields", [{"replies_to_us": True}, {"contact": KNOWN}])
def test_no_rule_for_newsletters_touches_whom_we_know_or_who_answers_us(fields: dict[str, object]) -> None:
    action = judged(mail("News <newsletter@shop.example>", **BULK), **fields).decision.action
    assert action not in (Action.NEWSLETTER, Action.TRANSACTIONAL)


# -- the LLM (decisions 2 and 7)


@pytest.mark.parametrize(
    ("opinion", "expected"),
    [
        (YES, (Verdict.TASK, Action.LLM_YES)),
        (NO, (Verdict.QUEUE, Action.LLM_NO)),
        (NOTHING, (Verdict.DEFERRED, Action.LLM_DEFERRED)),
        (None, (Verdict.DEFERRED, Action.LLM_DEFERRED)),
    ],
)
def test_a_strangers_mail_is_as_the_llm_says_or_waits(
    opinion: Opinion | None, expected: tuple[Verdict, Action]
) -> None:
    found = judged(verified("Ingrid <ingrid@solberg.example>"), opinion=opinion)
    assert ends(found) == expected
    assert (found.decision.priority == "high") == (opinion is YES)


def test_a_yes_never_lifts_a_quarantine() -> None:
    assert (
        judged(mail("PayPal <x@evil.example>", body=PHISH), opinion=YES).decision.verdict
        == Verdict.QUARANTINE
    )


# -- age


def test_old_mail_is_scanned_and_then_left_alone() -> None:
    old = {"now": NOW + timedelta(days=31)}
    assert judged(verified(), partner=MIA, opinion=YES, **old).decision.action == Action.TOO_OLD
    assert judged(mail("PayPal <x@evil.example>", body=PHISH), **old).decision.verdict == Verdict.QUARANTINE
    assert judged(verified(), partner=MIA, now=NOW + timedelta(days=29)).decision.action == Action.PARTNER


def test_the_day_of_arrival_counts_rather_than_the_date_that_the_sender_wrote() -> None:
    assert (
        judged(verified(date="Mon, 1 Jan 2001 00:00:00 +0000"), received_at=NOW).decision.action
        == Action.LLM_DEFERRED
    )
    assert judged(verified(), received_at=NOW - timedelta(days=40)).decision.action == Action.TOO_OLD


# -- the pipeline itself


def test_every_stage_leaves_an_outcome_and_the_first_decision_counts() -> None:
    found = judged(verified(), partner=MIA, contact=KNOWN, opinion=YES)
    assert list(found.outcomes) == [stage.name for stage in STAGES]
    assert (found.decided_by, found.decision.action) == ("partner", Action.PARTNER)
    assert {signal.code for signal in found.outcomes["known_contact"].signals} == {"known_contact"}


def test_the_same_mail_in_the_same_surroundings_is_judged_the_same() -> None:
    assert judged(mail(body=PHISH)) == judged(mail(body=PHISH))


def test_a_pipeline_whose_last_stage_does_not_decide_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="must decide"):
        judge(mail(), known(), (Stage("shy", lambda sighting: Outcome()),))

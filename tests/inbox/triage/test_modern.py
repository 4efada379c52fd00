"""Sixty and more honest mails of today, none of which may be quarantined."""

from typing import Any

import pytest

from inbox.mail import parse
from inbox.triage import Verdict, judge
from inbox.triage.stages import authentication
from tests.inbox import modern
from tests.inbox.triage.cases import known

SPECS = modern.specifications()


@pytest.mark.parametrize("fetched", [True, False], ids=["fetched", "fed"])
@pytest.mark.parametrize("spec", SPECS, ids=[spec["id"] for spec in SPECS])
def test_an_honest_mail_of_today_is_not_quarantined(spec: dict[str, Any], fetched: bool) -> None:
    found = judge(
        parse(modern.build(spec)), known(fetched=fetched, authserv_ids=frozenset({modern.AUTHSERV}))
    )
    assert found.decision.verdict != Verdict.QUARANTINE, found.outcomes["security"].signals


@pytest.mark.parametrize("spec", SPECS, ids=[spec["id"] for spec in SPECS])
def test_our_server_vouches_for_it_when_we_fetched_it(spec: dict[str, Any]) -> None:
    mail = parse(modern.build(spec))
    assert authentication.standing(mail, known(authserv_ids=frozenset({modern.AUTHSERV}))).verified
    assert not authentication.standing(mail, known(fetched=False)).verified


def test_there_are_enough_of_them() -> None:
    assert len(SPECS) >= 60
    assert len({spec["id"] for spec in SPECS}) == len(SPECS)

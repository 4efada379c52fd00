"""A short run of mail under fire: every lead has exactly one task and at least one push, whatever dies."""

import pytest

from tests.chaos.mail import MailRun, perform_mail
from tests.chaos.place import throw_away


@pytest.mark.timeout(600)
def test_no_lead_is_lost_or_doubled_while_everything_is_killed() -> None:
    with throw_away() as place:
        verdict = perform_mail(place, MailRun(messages=24, kills=4, pause=0.5))
    assert not verdict.broken, "\n".join([str(verdict), *verdict.broken])
    assert len(verdict.kills) == 4, str(verdict)

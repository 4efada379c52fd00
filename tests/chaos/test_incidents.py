"""A short run of incidents under fire: none lost, none doubled, and steps are told in time."""

import pytest

from tests.chaos.incidents import IncidentRun, perform_incidents
from tests.chaos.place import throw_away


@pytest.mark.timeout(400)
def test_no_incident_is_lost_or_doubled_while_worker_and_database_are_killed() -> None:
    with throw_away() as place:
        verdict = perform_incidents(place, IncidentRun(incidents=40, spread=60, kills=4))
    assert not verdict.broken, "\n".join([str(verdict), *verdict.broken[:20]])
    assert sum(verdict.kills.values()) == 4, str(verdict)
    assert verdict.told > 40, str(verdict)

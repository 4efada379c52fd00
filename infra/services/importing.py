"""Checks from elsewhere become records made here, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from alai.kernel import audit
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from infra.gatus import Taken
from infra.models import Check
from missioncontrol.services.common import acting_as


@dataclass(frozen=True, slots=True)
class Imported:
    """Names by what became of them."""

    created: list[str]
    unchanged: list[str]
    differing: list[str]  # there is another check of that name: it stays as it is


def import_checks(*, by: Principal, checks: Sequence[Taken], dry_run: bool = False) -> Imported:
    """Create the checks that are not there; 422 names the first that the database would not take."""
    outcome = Imported([], [], [])
    with acting_as(by, why="import_gatus"), audit.writing():
        here = {check.slug: check for check in Check.objects.filter(slug__in=[one.name for one in checks])}
        for one in checks:
            known = here.get(one.name)
            if known is None:
                _create(one, dry_run=dry_run)
                outcome.created.append(one.name)
            else:
                same = all(getattr(known, name) == value for name, value in one.fields.items())
                (outcome.unchanged if same else outcome.differing).append(one.name)
    return outcome


def _create(one: Taken, *, dry_run: bool) -> None:
    check = Check(slug=one.name, **one.fields)
    try:
        check.full_clean()
    except ValidationError as error:
        raise Invalid(f"{one.name}: {' '.join(error.messages)}") from None
    if not dry_run:
        check.save()

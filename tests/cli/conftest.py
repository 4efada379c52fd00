from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from tests.cast import Caller, Cast, assemble
from tests.cli.desk import Desk
from tests.serving import served

DeskOf = Callable[..., Desk]


@pytest.fixture(scope="package")
def address(django_db_setup: None) -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def people(transactional_db: None) -> Cast:
    """The cast, where the server sees it."""
    return assemble()


@pytest.fixture
def desk_of(address: str, tmp_path: Path) -> DeskOf:
    """A desk for one of the cast: `desk_of(people.john, "john", "abc123")`."""

    def make(caller: Caller, actor: str, session: str = "abc123", url: str = address) -> Desk:
        home = tmp_path / actor / session
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "ALAI_MC_URL": url,
            "ALAI_TOKEN": caller.token,
            "ALAI_ACTOR": actor,
            "ALAI_SESSION": session,
        }
        return Desk(home, environment)

    return make


@pytest.fixture
def john(people: Cast, desk_of: DeskOf) -> Desk:
    return desk_of(people.john, "john")


@pytest.fixture
def pi_orch(people: Cast, desk_of: DeskOf) -> Desk:
    return desk_of(people.pi_orch, "pi-orch", "xyz456")


@pytest.fixture
def ole(people: Cast, desk_of: DeskOf) -> Desk:
    return desk_of(people.ole, "ole", "desk")


@pytest.fixture
def minded(people: Cast, desk_of: DeskOf) -> DeskOf:
    """A desk with a token for HiveMind: `minded("john")`."""

    def make(name: str, **changes: str) -> Desk:
        token = issue_token(actor=Actor.objects.get(name=name), scopes=["hivemind"])[1]
        return desk_of(Caller(token), name, **changes)

    return make

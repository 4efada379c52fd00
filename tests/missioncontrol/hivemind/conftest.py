import pytest

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from tests.cast import Caller, Cast


def agent(name: str) -> Caller:
    return Caller(issue_token(actor=Actor.objects.get(name=name), scopes=["hivemind"])[1])


@pytest.fixture
def john(cast: Cast) -> Caller:
    return agent("john")


@pytest.fixture
def pi_orch(cast: Cast) -> Caller:
    return agent("pi-orch")

"""Ada signs in as a superuser and CEO; Vera may look at everything and touch nothing; Sten is staff, no more."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from alai.kernel.principals import Principal
from missioncontrol.models import Task
from tests.cast import make_task

JOHN = Principal(actor="john", scopes=frozenset({"tasks:write"}))
PASSWORD = "a long enough password"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ada(db: None) -> Client:
    user = User.objects.create_superuser("ada", first_name="Ada", password=PASSWORD)
    user.groups.add(Group.objects.get_or_create(name="ceo")[0])
    return signed_in(user)


@pytest.fixture
def vera(db: None) -> Client:
    user = User.objects.create_user("vera", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return signed_in(user)


@pytest.fixture
def sten(db: None) -> Client:
    return signed_in(User.objects.create_user("sten", password=PASSWORD, is_staff=True))


@pytest.fixture
def task(db: None) -> Task:
    return make_task(team="sales", tags=["tender"])

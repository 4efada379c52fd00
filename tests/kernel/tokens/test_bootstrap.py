"""`manage.py bootstrap`: the first administrator."""

import io
import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def bootstrap() -> str:
    out = io.StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


def test_the_first_start_prints_a_password_that_works_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    printed = re.search(r"Password:\s+(\S+)", bootstrap())
    assert printed is not None
    admin = User.objects.get(username="admin")
    assert admin.check_password(printed[1])
    assert admin.is_superuser
    assert bootstrap() == ""


def test_a_password_of_ones_own_is_taken_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")
    assert "correct horse battery" not in bootstrap()
    assert User.objects.get().check_password("correct horse battery")

"""Wrong settings are said by `manage.py check`, each with an id and with what to do."""

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from alai.kernel import checks
from tests.kernel.middleware.site import ROOT


def found() -> set[str]:
    messages = [message for message in run_checks() if (message.id or "").startswith("alai.")]
    assert all(message.hint for message in messages)
    return {message.id or "" for message in messages}


def test_the_settings_of_this_installation_are_clean() -> None:
    assert found() == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "mc.example.com", ""])
def test_a_host_that_others_reach_without_https_is_warned_of(settings: Settings, host: str) -> None:
    settings.HOST = host
    assert found() == {"alai.W001"}
    settings.HTTPS = True
    assert found() == set()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback_is_fine(settings: Settings, host: str) -> None:
    settings.HOST = host
    assert found() == set()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SLACK_BOT_TOKEN", "'xoxb-123-456-abc'", "alai.E003"),
        ("SLACK_BOT_TOKEN", "xoxb-", "alai.E003"),
        ("SLACK_API_URL", "slack.com/api", "alai.E004"),
        ("LOG_LEVEL", "loud", "alai.E005"),
        ("BROKER_URL", "amqp://localhost", "alai.E006"),
        ("SECRET_KEY", "short", "alai.E009"),
    ],
)
def test_a_wrong_setting_is_told(settings: Settings, name: str, value: Any, expected: str) -> None:
    setattr(settings, name, value)
    assert found() == {expected}


def test_an_unknown_time_zone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # Django refuses it by itself where the system has zone files; elsewhere this is the only word.
    monkeypatch.setattr(django_settings, "TIME_ZONE", "Europe/Olso")
    (error,) = checks.time_zone_is_known()
    assert error.id == "alai.E001" and error.hint


def test_a_short_key_will_do_to_try_things(settings: Settings) -> None:
    settings.SECRET_KEY, settings.DEBUG = "short", True
    assert found() == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_serving_everybody_by_no_name_is_told(settings: Settings, host: str) -> None:
    settings.HOST, settings.HTTPS = host, True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", host]
    assert found() == {"alai.W002"}
    settings.ALLOWED_HOSTS = ["mc.example.com"]
    assert found() == set()


def test_a_well_formed_slack_token_is_fine(settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = "xoxb-1234567890-abcdef"
    assert found() == set()


def test_the_deployment_check_is_clean_on_loopback() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

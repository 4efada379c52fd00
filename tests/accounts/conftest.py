"""Ada is an administrator and CEO, Ole an administrator, Mia staff with agents of her own."""

import base64
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from pytest_django import Settings

from alai.kernel import two_factor
from alai.kernel.models import Actor, Authenticator

PASSWORD = "a long enough password"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
LOGIN = "/admin/login/"
CODE = "/admin/login/code/"
SET_UP = "/admin/account/two-factor/"
ACCOUNT = "/admin/account/"


@dataclass
class Phone:
    """An authenticator app: knows the secret, shows codes."""

    user: User
    secret: str  # hex
    recovery_codes: list[str]

    def code(self) -> str:
        return code_of(self.secret)

    def wait(self) -> None:
        """As if the last code had been used, or typed wrongly, long ago."""
        Authenticator.objects.filter(user=self.user).update(
            last_step=F("last_step") - 3, throttling_failure_timestamp=None
        )


def code_of(secret: str) -> str:
    return f"{TOTP(bytes.fromhex(secret)).token():06d}"


def hex_of(shown: str) -> str:
    """The secret as the set-up page shows it, in hex."""
    return base64.b32decode(shown.replace("-", "")).hex()


def wrong(code: str) -> str:
    """Another code, which is none of its neighbours' either (but once in a million)."""
    return f"{(int(code) + 500_000) % 1_000_000:06d}"


def browser(agent: str = FIREFOX, address: str = "192.0.2.10") -> Client:
    return Client(headers={"User-Agent": agent, "Accept": "text/html"}, REMOTE_ADDR=address)


def give_phone(user: User) -> Phone:
    """Set up some minutes ago."""
    secret = two_factor.new_secret()
    step = two_factor.prove(secret=secret, code=code_of(secret))
    _, codes = two_factor.activate(user=user, secret=secret, step=step)
    phone = Phone(user, secret, codes)
    phone.wait()
    return phone


def type_password(client: Client, name: str, then: str = "/admin/", password: str = PASSWORD) -> str:
    """Where the right or wrong password leads; empty when the page stays."""
    reply = client.post(LOGIN, {"username": name, "password": password, "next": then})
    return reply.headers.get("Location", "")


def type_code(client: Client, code: str, then: str = "/admin/") -> tuple[int, str]:
    """Status, and where the code leads or what the page says."""
    reply = client.post(CODE, {"code": code, "next": then})
    return reply.status_code, reply.headers.get("Location") or reply.content.decode()


def signed_in(name: str, phone: Phone | None = None, client: Client | None = None) -> Client:
    """A browser in which somebody signed in with everything that is asked."""
    client = client or browser()
    leads_to = type_password(client, name)
    if phone:
        phone.wait()
        assert type_code(client, phone.code()) == (302, "/admin/")
    else:
        assert leads_to == "/admin/"
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """A second of hashing a sign-in would be most of these tests' time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ada(db: None) -> User:
    user = User.objects.create_superuser("ada", first_name="Ada", password=PASSWORD)
    user.groups.add(Group.objects.get_or_create(name="ceo")[0])
    Actor.objects.create(name="ada", kind="person", user=user, recipient="user:U0ADA")
    return user


@pytest.fixture
def ole(db: None) -> User:
    return User.objects.create_superuser("ole", password=PASSWORD)


@pytest.fixture
def mia(db: None) -> User:
    user = User.objects.create_user("mia", first_name="Mia", password=PASSWORD, is_staff=True)
    Actor.objects.create(name="mia", kind="person", user=user, recipient="user:U0MIA")
    return user


@pytest.fixture
def scout(mia: User) -> Actor:
    """Mia's agent."""
    return Actor.objects.create(name="scout", kind="agent", owner=mia)

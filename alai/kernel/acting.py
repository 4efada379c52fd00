"""The signed-in person becomes the acting actor of the request."""

from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse

from alai.kernel import context


class ActingUserMiddleware:
    """Names the session's user in the context; token requests name theirs when the token is checked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = session_actor(request.user) if request.COOKIES else ""
        if not name:
            return self.get_response(request)
        with context.acting(actor=name):
            return self.get_response(request)


def session_actor(user: AbstractBaseUser | AnonymousUser) -> str:
    """A signed-in person's actor name: the user name; empty for nobody."""
    return user.get_username() if user.is_authenticated else ""

"""A client of the broker for small questions about its state: never waits longer than a second."""

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def valkey() -> Redis:
    """Calls raise `redis.exceptions.RedisError` or OSError while Valkey is away."""
    return Redis.from_url(settings.BROKER_URL, socket_connect_timeout=1, socket_timeout=1)

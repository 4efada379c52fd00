"""The cache on Valkey: counts its hits, and is a miss rather than an error while Valkey is away."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from alai.kernel.metrics import cache_lookups

logger = logging.getLogger(__name__)

CACHE_TYPE = "valkey"
PAUSE = 5.0  # seconds without trying again after an error, so that a hung Valkey does not slow each request
_MISSING = object()


class CountingRedisCache(RedisCache):
    """Django's Redis cache for values that may vanish at any time."""

    _away_until = 0.0

    def _attempt[T](self, call: Callable[[], T], otherwise: T) -> T:
        if time.monotonic() < self._away_until:
            return otherwise
        try:
            return call()
        except (RedisError, OSError) as error:
            # All threads' instances share the pause: they share the server too.
            CountingRedisCache._away_until = time.monotonic() + PAUSE
            logger.warning("The cache is away: %s. Going on without it.", type(error).__name__)
            return otherwise

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = self._attempt(lambda: super(CountingRedisCache, self).get(key, _MISSING, version), _MISSING)
        cache_lookups.labels(CACHE_TYPE, "miss" if found is _MISSING else "hit").inc()
        return default if found is _MISSING else found

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        wanted = list(keys)
        nothing: dict[Any, Any] = {}
        found = self._attempt(lambda: super(CountingRedisCache, self).get_many(wanted, version), nothing)
        cache_lookups.labels(CACHE_TYPE, "hit").inc(len(found))
        cache_lookups.labels(CACHE_TYPE, "miss").inc(len(wanted) - len(found))
        return found

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._attempt(lambda: super(CountingRedisCache, self).add(key, value, timeout, version), False)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._attempt(lambda: super(CountingRedisCache, self).set(key, value, timeout, version), None)

    def set_many(self, data: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[Any]:
        return self._attempt(lambda: super(CountingRedisCache, self).set_many(data, timeout, version), [])

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._attempt(lambda: super(CountingRedisCache, self).touch(key, timeout, version), False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._attempt(lambda: super(CountingRedisCache, self).delete(key, version), False)

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        self._attempt(lambda: super(CountingRedisCache, self).delete_many(keys, version), None)

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self._attempt(lambda: super(CountingRedisCache, self).has_key(key, version), False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """As Django's; while Valkey is away a key has just begun to count."""
        return self._attempt(lambda: super(CountingRedisCache, self).incr(key, delta, version), delta)

    def clear(self) -> None:
        """Forget the cache's own keys. Django empties the database, in which the broker's jobs wait, too."""
        self._attempt(self._clear, None)

    def _clear(self) -> None:
        client = self._cache.get_client(None, write=True)
        for found in client.scan_iter(match=self.make_key("*"), count=1000):
            client.delete(found)

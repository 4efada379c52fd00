"""The cache counts what it finds, and is merely empty while Valkey is away."""

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from alai.embedded.programs import find_valkey
from alai.kernel.cache import CACHE_TYPE, CountingRedisCache
from tests.kernel.metrics.test_metrics import value
from tests.kernel.middleware.site import free_port

OPTIONS = {"OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 0.3}}


@pytest.fixture(autouse=True)
def own_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountingRedisCache, "_away_until", 0.0)


@pytest.fixture
def server(tmp_path: object) -> Iterator[tuple[subprocess.Popen[bytes], CountingRedisCache]]:
    port = free_port()
    command = [
        str(find_valkey()),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        cache = CountingRedisCache(f"redis://127.0.0.1:{port}/0", OPTIONS)
        deadline = time.monotonic() + 10
        while not cache.add("up", 1) and time.monotonic() < deadline:
            CountingRedisCache._away_until = 0.0
            time.sleep(0.02)
        yield process, cache
        process.kill()
        cache._cache.get_client(write=True).connection_pool.disconnect()


def lookups(result: str) -> float:
    return value("alai_cache_lookups_total", cache_type=CACHE_TYPE, result=result) or 0


def test_hits_and_misses_are_counted(server: tuple[object, CountingRedisCache]) -> None:
    _, cache = server
    hits, misses = lookups("hit"), lookups("miss")
    cache.set_many({"a": 1, "b": None})
    assert (cache.get("a"), cache.get("b", "x"), cache.get("c", "x")) == (1, None, "x")
    assert cache.get_many(["a", "c"]) == {"a": 1}
    assert (lookups("hit") - hits, lookups("miss") - misses) == (3, 2)
    assert 0 < (value("alai_cache_hit_ratio", cache_type=CACHE_TYPE) or 0) < 1


def test_clearing_leaves_what_is_not_the_cache_s(
    server: tuple[subprocess.Popen[bytes], CountingRedisCache],
) -> None:
    """Jobs wait in the same Valkey."""
    _, cache = server
    client = cache._cache.get_client(None, write=True)
    client.rpush("celery", "a job")
    client.set("mc:alive:worker", "now")
    cache.set_many({"a": 1, "b": 2})
    cache.clear()
    assert cache.get_many(["a", "b"]) == {}
    assert sorted(client.keys()) == [b"celery", b"mc:alive:worker"]


def assert_empty(cache: CountingRedisCache) -> None:
    cache.set("a", 1)
    assert cache.set_many({"a": 1}) == [] and cache.get_many(["a"]) == {}
    assert cache.get("a", "other") == "other" and cache.get_or_set("a", 7) == 7
    assert not cache.add("a", 1) and not cache.touch("a") and not cache.delete("a") and not cache.has_key("a")
    assert cache.incr("a", 2) == 2
    cache.delete_many(["a"])
    cache.clear()


def test_a_dead_valkey_is_a_miss(server: tuple[subprocess.Popen[bytes], CountingRedisCache]) -> None:
    process, cache = server
    process.kill()
    process.wait()
    assert_empty(cache)


def test_a_hung_valkey_delays_one_call_only(
    server: tuple[subprocess.Popen[bytes], CountingRedisCache],
) -> None:
    process, cache = server
    process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert_empty(cache)
        assert time.monotonic() - started < 1.0
    finally:
        process.send_signal(signal.SIGCONT)


def test_the_cache_comes_back_by_itself(
    server: tuple[object, CountingRedisCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cache = server
    cache.set("a", 1)
    monkeypatch.setattr(CountingRedisCache, "_away_until", time.monotonic() + 0.2)
    assert cache.get("a") is None
    time.sleep(0.25)
    assert cache.get("a") == 1

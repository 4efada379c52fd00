"""What a probe costs beside aiohttp alone, how punctual the prober is, how quick board and escalation are."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import aiohttp
import httpx
import psutil
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from infra import services
from infra.models import Check, CheckState, DaySummary, HourSummary, Incident, Result, Site
from infra.services.watching import take
from tests.benchmarks.measure import Result as Figure
from tests.benchmarks.measure import ratio, take_turns, told

ROUNDS, PROBES = 5, 1_000
MINUTE_CHECKS, MINUTE = 10_000, 60.0
BOARD_CHECKS, BOARD_VIEWS = 1_000, 40
INCIDENTS = 1_000


def run(_: list[str]) -> list[Figure]:
    with answering() as port:
        figures = [*cost(port), punctuality(port)]
    return [*figures, board(), escalation()]


@contextmanager
def answering() -> Iterator[int]:
    """A server in a process of its own, so that its processor time is not ours."""
    command = [sys.executable, "-m", "tests.benchmarks.answering"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


# --- What a probe costs -----------------------------------------------------------------------------


def cost(port: int) -> list[Figure]:
    """Probes a second of processor time, bulk writes and all, beside aiohttp alone and beside Debian's exporter."""
    _checks(PROBES, port, interval=3600)

    def ours() -> float:
        CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1), claimed_until=None)
        begin, looks = time.process_time(), 0
        while looks < PROBES:
            looks += services.look_round()
        return looks / (time.process_time() - begin)

    def bare() -> float:
        begin = time.process_time()
        asyncio.run(_fetch(port, PROBES))
        return PROBES / (time.process_time() - begin)

    mine, theirs = take_turns(ROUNDS, ours, bare)
    figures = [
        Figure(
            "probes a processor second with their writes : aiohttp fetching the same and forgetting it",
            ratio(mine, theirs), 0.6,
            f"{told(mine, '/s')} against {told(theirs, '/s')}, {ROUNDS} rounds of {PROBES:,}",
        )
    ]  # fmt: skip
    program = os.environ.get("BLACKBOX_EXPORTER") or shutil.which("prometheus-blackbox-exporter")
    if program is None:
        print(
            "The exporter is left out: install prometheus-blackbox-exporter, or name it in BLACKBOX_EXPORTER."
        )
        return figures
    with _exporter(program, port) as (process, url):

        def exporter() -> float:
            before = sum(process.cpu_times()[:2])
            asyncio.run(_ask_exporter(url, port, PROBES))
            return PROBES / (sum(process.cpu_times()[:2]) - before)

        mine, theirs = take_turns(ROUNDS, ours, exporter)
    figures.append(
        Figure(
            "probes a processor second with their writes : prometheus-blackbox-exporter's, which writes nothing",
            ratio(mine, theirs), 1.5, f"{told(mine, '/s')} against {told(theirs, '/s')}",
        )
    )  # fmt: skip
    return figures


async def _fetch(port: int, count: int) -> None:
    """As a probe asks: a new connection each time, the answer read to its end."""
    connector = aiohttp.TCPConnector(limit=100, force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def fetch() -> None:
            async with session.get(f"http://127.0.0.1:{port}/", allow_redirects=False) as reply:
                assert (await reply.read()) == b"All is well."

        for _ in range(0, count, 200):
            await asyncio.gather(*(fetch() for _ in range(200)))


async def _ask_exporter(url: str, port: int, count: int) -> None:
    room = asyncio.Semaphore(50)
    async with aiohttp.ClientSession() as session:

        async def ask() -> None:
            parameters = {"target": f"http://127.0.0.1:{port}/", "module": "http_2xx"}
            async with room, session.get(f"{url}/probe", params=parameters) as reply:
                assert b"probe_success 1" in await reply.read()

        await asyncio.gather(*(ask() for _ in range(count)))


@contextmanager
def _exporter(program: str, port: int) -> Iterator[tuple[psutil.Process, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "blackbox.yml")
        module = {"prober": "http", "timeout": "10s", "http": {"preferred_ip_protocol": "ip4"}}
        config.write_text(json.dumps({"modules": {"http_2xx": module}}))
        options = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{own}", "--log.level=error"]
        child = subprocess.Popen([program, *options], stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{own}"
            _until_it_answers(url)
            yield psutil.Process(child.pid), url
        finally:
            child.kill()
            child.wait()


def _until_it_answers(url: str) -> None:
    for _ in range(100):
        try:
            httpx.get(f"{url}/-/healthy", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the exporter did not start")


# --- Punctuality ------------------------------------------------------------------------------------


def punctuality(port: int) -> Figure:
    """10,000 checks of which each is due once a minute, by one prober on one processor."""
    _checks(MINUTE_CHECKS, port, interval=60)
    now = timezone.now()
    ids = list(CheckState.objects.order_by("pk").values_list("pk", flat=True))
    for number, pk in enumerate(ids):
        CheckState.objects.filter(pk=pk).update(next_at=now + timedelta(seconds=15 + number * 60 / len(ids)))
    planned = dict(CheckState.objects.values_list("pk", "next_at"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    before = Result.objects.count()
    services.watch(15 + MINUTE + 2)
    first: dict[int, float] = {}
    for pk, at in Result.objects.order_by("at").values_list("check_record", "at"):
        first.setdefault(pk, (at - planned[pk]).total_seconds())
    late = sorted(first.values())
    assert len(late) >= MINUTE_CHECKS * 0.99, f"{len(late)} of {MINUTE_CHECKS} were looked at"
    detail = (
        f"half within {late[len(late) // 2] * 1000:.0f} ms, the latest {late[-1]:.2f} s; "
        f"{Result.objects.count() - before:,} looks in {MINUTE:.0f} s"
    )
    value = late[int(len(late) * 0.99)]
    return Figure(
        "10,000 checks a minute, one processor: 99 of 100 are seen this late", value, 1.0, detail, "s", True
    )


def _checks(count: int, port: int, *, interval: int) -> None:
    Check.objects.all().delete()
    settings = {"url": f"http://127.0.0.1:{port}/", "private": True, "down_unless": ["[STATUS] == 200"]}
    Check.objects.bulk_create(
        Check(slug=f"c{number}", kind="http", settings=settings, interval_seconds=interval)
        for number in range(count)
    )
    services.ensure_states()
    assert take(0) == []


# --- Pages and ticks --------------------------------------------------------------------------------


def board() -> Figure:
    """The status board with 1,000 checks of 1,000 sites and 90 days of each."""
    import_module("alai.asgi")  # settles the process as the web server's is
    _fill_board()
    client = Client(headers={"host": "localhost"})
    client.force_login(
        User.objects.create_superuser("bench", password="x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    times = []
    for _ in range(BOARD_VIEWS + 3):
        begin = time.perf_counter()
        reply = client.get("/admin/infra/incident/board/")
        times.append((time.perf_counter() - begin) * 1000)
        assert reply.status_code == 200
    times = sorted(times[3:])
    detail = f"half within {times[len(times) // 2]:.0f} ms, {BOARD_VIEWS} views, rendered in the process"
    return Figure(
        "status board with 1,000 checks and 90 days, 95 of 100", times[int(len(times) * 0.95)], 200, detail, "ms", True
    )  # fmt: skip


def _fill_board() -> None:
    Check.objects.all().delete()
    now, today = timezone.now(), timezone.localdate()
    sites = Site.objects.bulk_create(
        Site(slug=f"s{n:04}.example.com", kind="static", watched=True) for n in range(BOARD_CHECKS)
    )
    checks = Check.objects.bulk_create(
        Check(slug=f"http:{site.slug}", kind="http", settings={"url": f"https://{site.slug}/"}, site=site)
        for site in sites
    )
    services.ensure_states()
    CheckState.objects.update(verdict="up", since=now, looked_at=now, latency_ms=80, detail="200 in 80 ms")
    days = [
        DaySummary(check_record=check, day=today - timedelta(days=back), up=86_000, down=400 * (back % 17 == n % 17))
        for n, check in enumerate(checks) for back in range(90)
    ]  # fmt: skip
    DaySummary.objects.bulk_create(days, batch_size=10_000)
    hour = now.replace(minute=0, second=0, microsecond=0)
    HourSummary.objects.bulk_create(
        (
            HourSummary(check_record=check, hour=hour - timedelta(hours=back), up=3600, latency_median=50 + back)
            for check in checks for back in range(24)
        ),
        batch_size=10_000,
    )  # fmt: skip
    Result.objects.bulk_create(
        (
            Result(check_record=check, at=now - timedelta(minutes=back), verdict="up", latency_ms=80)
            for check in checks for back in range(60)
        ),
        batch_size=10_000,
    )  # fmt: skip


def escalation() -> Figure:
    """A tick over 1,000 open incidents of which none is due, and another of which 100 are."""
    now = timezone.now()
    steps = [{"after_seconds": after, "level": "L1", "channel": "ops"} for after in (0, 7200)]
    Incident.objects.bulk_create(
        Incident(
            title=f"Incident {number}", severity="critical", opened_at=now, steps=steps, told_from=now,
            next_step_at=now + timedelta(hours=1 if number >= 100 else 0), next_update_at=now + timedelta(hours=1),
        )
        for number in range(INCIDENTS)
    )  # fmt: skip
    begin = time.perf_counter()
    assert _tick() == 100
    busy = time.perf_counter() - begin
    begin = time.perf_counter()
    _tick()
    idle = time.perf_counter() - begin
    detail = (
        f"100 of them due, each told in a transaction of its own; {idle * 1000:.0f} ms when nothing is due"
    )
    return Figure("an escalation tick with 1,000 open incidents", busy, 1.0, detail, "s", True)


def _tick() -> int:
    now = timezone.now()
    services.deal_with_edges(now=now)
    told_steps = services.escalate(now=now)
    services.remind(now=now)
    services.revive_stalled(now=now)
    return told_steps

"""`alai heartbeat`: it says how the host is, restarts only what is down, and goes on while the server is away."""

import http.server
import json
import plistlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alai.cli.host import services, vitals
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from infra.models import HostState, Service, ServiceState
from tests.cast import Caller
from tests.cli.conftest import DeskOf
from tests.cli.desk import Desk
from tests.infra.small import settle

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               1000000.
Pages active:                             2000000.
Pages inactive:                            500000.
Pages speculative:                          50000.
Pages throttled:                                0.
Pages purgeable:                            22864.
"""


@pytest.fixture
def anvil(transactional_db: None, desk_of: DeskOf) -> Desk:
    """The agent of the host anvil, whose token beats for it alone."""
    settle()
    actor = Actor.objects.create(name="anvil-agent", kind="agent")
    token = issue_token(actor=actor, scopes=["infra:write"], hosts=["anvil"])[1]
    return desk_of(Caller(token), "anvil-agent")


class Server:
    """A loopback server of ours: `answers` by path, `asked` with bodies, `stopped` closes the door."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []
        self.status = 200


@contextmanager
def serving(answers: dict[str, Any]) -> Iterator[tuple[Server, int]]:
    told = Server(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            told.asked.append((self.path, body))
            content = json.dumps(told.answers.get(self.path, {})).encode()
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield told, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def look_after(tmp_path: Path, *orders: dict[str, Any]) -> str:
    path = tmp_path / "services.json"
    path.write_text(json.dumps(list(orders)))
    return str(path)


def reviving(tmp_path: Path, port: int) -> list[str]:
    """A restart command that really starts a server on the port, and leaves a mark each time."""
    mark = tmp_path / "restarts"
    script = tmp_path / "start.py"
    script.write_text(
        "import http.server, os, sys, threading\n"
        f"open({str(mark)!r}, 'a').write('x')\n"
        "if os.fork():\n    os._exit(0)\n"
        "os.setsid(); null = os.open(os.devnull, os.O_RDWR); os.dup2(null, 1); os.dup2(null, 2)\n"
        f"server = http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler)\n"
        "threading.Timer(8, os._exit, [0]).start()\n"
        "server.serve_forever()\n"
    )
    return [sys.executable, str(script)]


def test_a_beat_tells_load_disk_memory_and_the_registered_services(anvil: Desk) -> None:
    with serving({}) as (_, port):
        Service.objects.filter(slug="ollama-anvil").update(port=port, restart=False)
        Service.objects.exclude(slug="ollama-anvil").update(port=free_port(), restart=False)
        result = anvil.run("heartbeat", "--host", "anvil")
    assert result.code == 0, result.err
    assert result.out == "Beat of anvil sent: 1 service up, down: lightrag, neo4j\n"
    state = HostState.objects.get()
    assert len(state.load) == 3
    assert 0 < (state.disk_percent or 0) <= 100
    assert 0 < (state.memory_percent or 0) <= 100
    assert (state.uptime_seconds or 0) > 0
    assert set(state.versions) >= {"alai", "python", "system"}
    assert set(ServiceState.objects.values_list("service__slug", "up")) == {
        ("ollama-anvil", True), ("lightrag", False), ("neo4j", False),
    }  # fmt: skip


def test_only_what_is_down_is_restarted_and_said(anvil: Desk, tmp_path: Path) -> None:
    with serving({}) as (_, port):
        dead = free_port()
        fine = {"name": "ollama-anvil", "port": port, "restart": ["touch", str(tmp_path / "never")]}
        down = {"name": "lightrag", "port": dead, "path": "/", "restart": reviving(tmp_path, dead)}
        left = {"name": "neo4j", "port": free_port()}
        result = anvil.run(
            "heartbeat", "--host", "anvil", "--services", look_after(tmp_path, fine, down, left), "--json"
        )
    assert result.code == 0, result.err
    assert "lightrag was down and was restarted: it is up." in result.err
    sent = {one["name"]: (one["up"], one["restarted"]) for one in result.json["sent"]["services"]}
    assert sent == {"ollama-anvil": (True, False), "lightrag": (True, True), "neo4j": (False, False)}
    assert not (tmp_path / "never").exists()
    assert ServiceState.objects.get(service__slug="lightrag").restarts == 1


def test_services_that_hang_take_no_longer_than_one(anvil: Desk, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        orders = [{"name": f"s{number}", "port": port, "path": "/"} for number in range(6)]
        started = time.monotonic()
        result = anvil.run(
            "heartbeat", "--host", "anvil", "--services", look_after(tmp_path, *orders), "--json"
        )
    assert time.monotonic() - started < 10
    assert [one["up"] for one in result.json["sent"]["services"]] == [False] * 6


def test_what_was_restarted_thrice_within_the_hour_is_left_alone(anvil: Desk, tmp_path: Path) -> None:
    mark = tmp_path / "restarts"
    order = {
        "name": "lightrag", "check": ["false"], "restart": ["sh", "-c", f"echo x >> {mark}; exit 1"],
    }  # fmt: skip
    services_file = look_after(tmp_path, order)
    details = [
        anvil.run("heartbeat", "--host", "anvil", "--services", services_file, "--json").json["sent"][
            "services"
        ][0]["detail"]
        for _ in range(5)
    ]
    assert mark.read_text().count("x") == 3
    assert details[2:4] == ["sh could not restart it", "restarted 3 times within the hour, now left alone"]


def test_no_restart_and_dry_run_touch_nothing(anvil: Desk, tmp_path: Path) -> None:
    order = {"name": "lightrag", "check": ["false"], "restart": ["touch", str(tmp_path / "never")]}
    file = look_after(tmp_path, order)
    assert (
        anvil.run("heartbeat", "--host", "anvil", "--services", file, "--dry-run").json["services"][0]["up"]
        is False
    )
    assert not HostState.objects.exists()
    assert anvil.run("heartbeat", "--host", "anvil", "--services", file, "--no-restart").code == 0
    assert HostState.objects.exists()
    assert not (tmp_path / "never").exists()


def test_while_the_server_is_away_what_it_last_ordered_is_looked_after(anvil: Desk, tmp_path: Path) -> None:
    with serving({}) as (_, port):
        Service.objects.filter(slug="ollama-anvil").update(port=port, restart=False)
        Service.objects.exclude(slug="ollama-anvil").delete()
        assert anvil.run("heartbeat", "--host", "anvil").code == 0
        result = anvil.run(
            "heartbeat", "--host", "anvil", ALAI_MC_URL=f"http://127.0.0.1:{free_port()}", ALAI_TIMEOUT="2"
        )
        assert (result.code, result.out) == (4, "")
        assert "connection refused" in result.err
        assert (anvil.home / ".local/state/alai/heartbeat/orders-anvil.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "forge"], 1, "limited to the hosts anvil"), (["--host", "a b"], 2, "A host is a name"),
        (["--host", "anvil", "--services", "/nowhere"], 2, "cannot be read"),
        (["--host", "anvil", "--print-unit", "cron"], 2, "launchd, systemd"),
    ],
)  # fmt: skip
def test_refusals_and_usage(anvil: Desk, words: list[str], code: int, said: str) -> None:
    result = anvil.run("heartbeat", *words)
    assert (result.code, said in result.err) == (code, True), result.err


def test_the_launchd_unit_is_a_property_list_without_a_secret(anvil: Desk) -> None:
    result = anvil.run("heartbeat", "--host", "anvil", "--watch-control-plane", "--print-unit", "launchd")
    unit = plistlib.loads(result.out.encode())
    assert (unit["Label"], unit["StartInterval"], unit["RunAtLoad"]) == ("alai.heartbeat", 60, True)
    assert unit["ProgramArguments"][:2] == ["/bin/sh", "-c"]
    assert ". /etc/alai/heartbeat.env; exec " in unit["ProgramArguments"][2]
    assert "heartbeat --host anvil --watch-control-plane" in unit["ProgramArguments"][2]
    assert anvil.environment["ALAI_TOKEN"] not in result.out


def test_the_systemd_unit_comes_with_its_timer(anvil: Desk) -> None:
    text = anvil.run(
        "heartbeat", "--host", "anvil", "--print-unit", "systemd", "--env-file", "/etc/x.env"
    ).out
    assert "EnvironmentFile=/etc/x.env" in text
    assert "OnUnitActiveSec=60" in text
    assert anvil.environment["ALAI_TOKEN"] not in text


WELL = {"checks": {name: {"status": "ok", "detail": ""} for name in ("database", "broker", "worker", "beat")}}


def health(**worse: str) -> dict[str, Any]:
    checks = {
        **WELL["checks"],
        **{name: {"status": "degraded", "detail": said} for name, said in worse.items()},
    }
    return {"/health/ready": {"checks": checks}}


def test_the_watcher_tells_slack_itself_after_two_misses_the_ceo_after_five_and_when_it_is_over(
    anvil: Desk,
) -> None:
    slack = {
        "/chat.postMessage": {"ok": True}, "/conversations.open": {"ok": True, "channel": {"id": "D1"}},
    }  # fmt: skip
    with serving(slack) as (told, slack_port), serving(health()) as (plane, port):
        variables = {
            "SLACK_API_URL": f"http://127.0.0.1:{slack_port}", "SLACK_BOT_TOKEN": "xoxb-test",
            "ALAI_ALARM_USER": "UCEO", "ALAI_MC_URL": f"http://127.0.0.1:{port}",
        }  # fmt: skip

        def beat(**changes: str) -> int:
            words = (
                "heartbeat",
                "--host",
                "anvil",
                "--watch-control-plane",
                "--no-restart",
                "--services",
                "empty.json",
            )
            return anvil.run(*words[:-1], str(anvil.home / "empty.json"), **{**variables, **changes}).code

        def posted() -> list[str]:
            return [body["channel"] for path, body in told.asked if path == "/chat.postMessage"]

        (anvil.home / "empty.json").write_text("[]")
        plane.answers |= {"/api/v1/infra/heartbeats/anvil": {"unknown_services": []}}
        away = {"ALAI_MC_URL": f"http://127.0.0.1:{free_port()}", "ALAI_TIMEOUT": "2"}
        assert (beat(), posted()) == (0, [])
        assert (beat(**away), posted()) == (4, [])
        assert (beat(**away), posted()) == (4, ["#ops"])
        told.answers["/chat.postMessage"] = {"ok": False, "error": "ratelimited"}
        told.asked.clear()
        assert (beat(**away), beat(**away), posted()) == (4, 4, [])
        beat(**away)
        assert posted() == ["D1"]
        told.answers["/chat.postMessage"] = {"ok": True}
        told.asked.clear()
        beat(**away)
        assert posted() == ["D1"]  # Slack had not taken it: told again, and once
        beat(**away)
        assert posted() == ["D1"]
        told.asked.clear()
        assert beat() == 0
        assert posted() == ["#ops", "D1"]
        assert "is back after" in told.asked[0][1]["text"]
        assert (beat(), len(posted())) == (0, 2)


def test_a_control_plane_whose_beat_stands_still_counts_as_away(anvil: Desk) -> None:
    (anvil.home / "empty.json").write_text("[]")
    with serving({"/chat.postMessage": {"ok": True}}) as (told, slack_port):
        with serving(health(beat="last seen 600 s ago")) as (plane, port):
            plane.answers |= {"/api/v1/infra/heartbeats/anvil": {"unknown_services": []}}
            for _ in range(2):
                anvil.run(
                    "heartbeat", "--host", "anvil", "--watch-control-plane", "--services", anvil.home / "empty.json",
                    SLACK_API_URL=f"http://127.0.0.1:{slack_port}", SLACK_BOT_TOKEN="xoxb-test",
                    ALAI_MC_URL=f"http://127.0.0.1:{port}",
                )  # fmt: skip
        assert [body["text"].rpartition(": ")[2] for _, body in told.asked] == ["beat last seen 600 s ago"]


def test_without_a_slack_token_it_says_that_nobody_can_be_told(anvil: Desk) -> None:
    (anvil.home / "empty.json").write_text("[]")
    words = ("heartbeat", "--host", "anvil", "--watch-control-plane", "--services", anvil.home / "empty.json")
    gone = f"http://127.0.0.1:{free_port()}"
    results = [anvil.run(*words, ALAI_MC_URL=gone, ALAI_TIMEOUT="1") for _ in range(2)]
    assert "nobody can be told" not in results[0].err
    assert "SLACK_BOT_TOKEN is not set: nobody can be told." in results[1].err


def test_memory_and_uptime_of_a_mac_are_read_as_its_programs_print_them(tmp_path: Path) -> None:
    total = 96 * 1024**3
    free = (1_000_000 + 500_000 + 50_000 + 22_864) * 16384
    assert vitals.mac_memory(VM_STAT, f"{total}\n") == round(100 * (total - free) / total, 1)
    assert (vitals.mac_memory("", ""), vitals.mac_uptime("")) == (None, None)
    assert (vitals.mac_uptime("{ sec = 1745150400, usec = 0 } Sun Apr 20 12:00:00 2025") or 0) > 10**7
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    250 kB\n")
    assert vitals.linux_memory(str(meminfo)) == 75
    assert (vitals.linux_memory("/nowhere"), vitals.linux_uptime("/nowhere"), vitals.disk("/nowhere")) == (
        None,
    ) * 3


@pytest.mark.parametrize(
    "unit", ["--now", "a b", "../x", "x;reboot", "docker:--rm", "docker:", "", "$(x)", 5]
)
def test_a_unit_that_is_no_name_is_run_by_nothing(unit: object) -> None:
    assert services._unit_command(unit, "restart") == []
    assert services.is_up({"name": "x", "unit": unit}) is None


@pytest.mark.parametrize(
    ("platform", "unit", "command"),
    [
        ("darwin", "com.example.ollama", ["launchctl", "kickstart", "-k"]), ("linux", "ollama.service", ["systemctl"]),
        ("linux", "docker:lightrag", ["docker", "restart", "lightrag"]),
    ],
)  # fmt: skip
def test_a_unit_is_restarted_by_its_systems_own_program(
    platform: str, unit: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert services._unit_command(unit, "restart")[: len(command)] == command
    assert services._unit_command(unit, "restart")[-1].endswith(unit.removeprefix("docker:"))

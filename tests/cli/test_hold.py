"""`alai mc hold`: the lease lives as long as the command, and the command no longer than the lease."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alai.cli.config import Settings
from alai.cli.mc.holding import _Child, _Keeper
from alai.cli.mc.remote import Remote
from alai.cli.options import Given
from missioncontrol import leases
from missioncontrol.models import Task, TaskEvent
from tests.cast import make_task
from tests.cli.desk import Desk

PYTHON = sys.executable
ALAI = str(Path(__file__).resolve().parents[2] / "bin" / "alai")


def eventually(true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def holder(task: Task) -> str:
    standing = leases.status(task.pk)
    assert standing is not None
    return standing.holder if standing.live else ""


def test_the_command_runs_under_the_lease_and_its_exit_code_is_passed_on(john: Desk) -> None:
    task = make_task()
    script = (
        f'test "$ALAI_ACTOR:$ALAI_SESSION" = john:abc123 && {PYTHON} {ALAI} mc claim-status {task.pk}; exit 7'
    )
    held = john.mc("hold", task.pk, "--", "sh", "-c", script)
    assert held.code == 7
    assert f"Task {task.pk} held by john:abc123 until" in held.out
    assert holder(task) == ""
    assert john.fences() == []


def test_a_held_task_is_not_run(john: Desk, pi_orch: Desk, tmp_path: Path) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    refused = pi_orch.mc("hold", task.pk, "--", "touch", tmp_path / "ran")
    assert refused.code == 1
    assert "held by john:abc123" in refused.err
    assert not (tmp_path / "ran").exists()


def test_a_command_that_cannot_run_gives_the_task_back(john: Desk, tmp_path: Path) -> None:
    task = make_task()
    (tmp_path / "plain").write_text("not a program")
    assert john.mc("hold", task.pk, "--", "no-such-program").code == 127
    assert john.mc("hold", task.pk, "--", tmp_path / "plain").code == 126
    assert john.mc("hold", task.pk).code == 2
    assert holder(task) == ""


def test_the_lease_is_extended_while_the_command_runs(john: Desk) -> None:
    task = make_task()
    held = john.start("mc", "hold", task.pk, "--every-seconds", 1, "--", "sleep", 60)
    eventually(lambda: TaskEvent.objects.filter(task=task, kind="lease_extended").count() >= 2)
    held.terminate()
    held.communicate(timeout=20)
    assert held.returncode == 128 + signal.SIGTERM
    assert holder(task) == ""


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_command_whose_lease_is_lost_is_stopped(john: Desk, ole: Desk, stubborn: bool) -> None:
    task = make_task()
    script = f"{'trap : TERM; ' if stubborn else ''}echo up; while :; do sleep 0.1; done"
    words = ("--every-seconds", 1, "--grace-seconds", 1)
    held = john.start("mc", "hold", task.pk, *words, "--", "sh", "-c", script)
    assert held.stdout is not None
    assert held.stdout.readline() == "up\n"
    ole.mc("claim-release", task.pk, "--force", "--reason", "handed over")
    _, err = held.communicate(timeout=20)
    assert held.returncode == 1
    assert "is lost" in err
    assert ("is killed" in err) == stubborn
    assert len(john.fences()) == 1


def test_a_command_that_finishes_its_task_may_go_on(john: Desk) -> None:
    task = make_task()
    script = f"{PYTHON} {ALAI} mc done {task.pk} --evidence seen && sleep 1.5 && echo tidied up"
    held = john.mc("hold", task.pk, "--every-seconds", 1, "--", "sh", "-c", script)
    assert (held.code, "tidied up" in held.out, "lost" in held.err) == (0, True, False)


def test_signals_reach_everything_that_the_command_started(john: Desk, tmp_path: Path) -> None:
    task, mark = make_task(), tmp_path / "hung-up"
    script = f"(trap 'touch {mark}; exit' HUP; echo up; while :; do sleep 0.1; done) & wait"
    held = john.start("mc", "hold", task.pk, "--", "sh", "-c", script)
    assert held.stdout is not None
    held.stdout.readline()
    held.send_signal(signal.SIGHUP)
    held.communicate(timeout=20)
    assert held.returncode == 128 + signal.SIGHUP
    eventually(mark.exists)


def test_at_a_terminal_the_command_gets_ctrl_c_once(john: Desk) -> None:
    task = make_task()
    script = "trap 'echo caught' INT; echo up; sleep 1; sleep 0.2; exit 5"
    controller, terminal = pty.openpty()
    command = [*john.command, "mc", "hold", str(task.pk), "--", "sh", "-c", script]
    held = subprocess.Popen(
        command,
        env=john.variables(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=lambda: os.login_tty(terminal),
    )
    os.close(terminal)
    said = b""
    while b"up" not in said:
        said += os.read(controller, 1024)
    os.write(controller, b"\x03")
    with contextlib.suppress(OSError):
        while piece := os.read(controller, 1024):
            said += piece
    assert held.wait(timeout=20) == 5
    os.close(controller)
    assert said.count(b"caught") == 1
    assert holder(task) == ""


def test_a_lease_that_cannot_be_extended_ends_the_command_before_it_runs_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shortest lease lasts a minute: this one is told three seconds."""
    for name, value in {"ALAI_MC_URL": "http://127.0.0.1:1", "ALAI_TOKEN": "t", "ALAI_ACTOR": "john"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALAI_SESSION", "s")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ledger = Remote(Settings(Given()))
    began = time.monotonic()
    child = _Child(["sleep", "30"], ledger)
    keeper = _Keeper(ledger, 1, child, lasts=3, every=1, grace=0.5, asked=began)
    assert child.wait(keeper) == 128 + signal.SIGTERM
    assert keeper.lost
    assert 2 < time.monotonic() - began < 3
    assert "could not be extended yet" in capsys.readouterr().err

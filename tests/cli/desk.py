"""Somebody's desk: a home of its own, an environment, and the real command run in it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, str(ROOT / "bin" / "alai"))


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """`run` starts `alai` with nothing in its environment but what stands here."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = COMMAND

    def run(self, *words: object, text: str = "", **changes: str) -> Result:
        done = subprocess.run(
            [*self.command, *map(str, words)],
            env=self.variables(**changes),
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def mc(self, *words: object, **changes: str) -> Result:
        return self.run("mc", *words, **changes)

    def start(self, *words: object, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*self.command, *map(str, words)],
            env=self.variables(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def variables(self, **changes: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment, **changes}

    def fences(self) -> list[Path]:
        return sorted((self.home / ".local" / "state" / "alai" / "fences").rglob("*.fence"))

"""`manage.py triage_eml FILE_OR_DIR...`: what the triage says of mail in files. Stores nothing, asks nobody."""

import argparse
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from inbox.mail import limits, parse
from inbox.triage import Action, Classification, Surroundings, Verdict, judge

# A file that cannot be read is judged as mail that nobody could decide yet.
UNDECIDED: dict[str, Any] = {
    "verdict": Verdict.DEFERRED.value,
    "action": Action.LLM_DEFERRED.value,
    "score": 0.0,
    "partner_tier": 0,
    "classification": Classification.INFO.value,
}


class Command(command.Command):
    help = (
        "Judge raw mail in files: one line a file, exit status 0 when each got its line. It needs no database, no "
        "network and no LLM; what only an LLM could decide is `deferred`. The files are taken as a stranger's: "
        "nothing in them proves who sent them, and no partner or contact is known. Without --at each message is "
        "judged as on the day of its own Date, so that the 30-day rule touches none; with --at it does, after the "
        "security scan."
    )
    requires_system_checks: list[str] = []  # what it judges depends on no setting

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="+", metavar="FILE_OR_DIR", help="a directory is walked recursively"
        )
        parser.add_argument("--jsonl", action="store_true", help="one JSON object a line instead of columns")
        parser.add_argument(
            "--at", type=_moment, metavar="ISO", help="what counts as now, such as 2026-11-24T08:00:00Z"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        paths = [_existing(path) for path in options["paths"]]
        show = json.dumps if options["jsonl"] else _columns
        try:
            for path in paths:
                for file in _files(path):
                    self.stdout.write(show(self._line(file, options["at"])))
        except BrokenPipeError:  # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def _line(self, file: str, at: datetime | None) -> dict[str, Any]:
        """The contract's fields for one file, whatever the file is."""
        try:
            with Path(file).open("rb") as stream:
                raw = stream.read(limits.BYTES + 1)
        except OSError as error:
            self.stderr.write(f"{_printable(file)}: {error.strerror}")
            return {"path": file, **UNDECIDED, "reasons": ["unreadable"]}
        mail = parse(raw)
        found = judge(mail, Surroundings(now=at or mail.date or datetime.now(UTC))).decision
        return {
            "path": file,
            "verdict": found.verdict.value,
            "action": found.action.value,
            "score": found.score,
            "reasons": list(found.reasons),
            "partner_tier": 0,
            "classification": found.classification.value,
        }


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment such as 2026-11-24T08:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _existing(path: str) -> str:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{_printable(path)} cannot be opened: {getattr(error, 'strerror', error)}"
        ) from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise CommandError(f"{_printable(path)} is neither a file nor a directory")
    return path


def _files(path: str) -> Iterator[str]:
    """The file itself, or all regular files below a directory, in order of their names."""
    if not Path(path).is_dir():
        yield path
        return
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file():
            yield entry.path


def _columns(line: dict[str, Any]) -> str:
    reasons = ",".join(line["reasons"])
    return f"{line['verdict']:<10} {line['score']:5.1f}  {line['action']:<22} {_printable(line['path'])}  {reasons}"


def _printable(path: str) -> str:
    """File names may hold anything, a terminal may not."""
    text = path.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)

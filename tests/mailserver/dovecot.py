"""A real IMAP server: Dovecot from the system's packages, on loopback, in a folder of its own, as any user.

Its mailboxes are Maildirs, so that a test delivers by writing a file, like a real delivery agent.
"""

import contextlib
import grp
import itertools
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import trustme

from alai.embedded.process import choose_port

HOST = "localhost"
PASSWORD = 'correct-horse-€-\\"battery'  # every user's
READY_SECONDS = 20.0
_program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_client_limit = 1000
first_valid_uid = 1
first_valid_gid = 0
mail_uid = {mail_uid}
mail_gid = {mail_gid}
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 100
auth_mechanisms = plain
auth_failure_delay = 0
auth_cache_size = 0
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_min_protocol = TLSv1.2
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = home={folder}/home/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Sendte elementer" {{
    auto = create
    special_use = \\Sent
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port_starttls}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


def missing() -> str:
    """Why no Dovecot can be started here; empty when one can."""
    if _program is None:
        return "needs Dovecot: apt-get install dovecot-imapd"
    version = subprocess.run([_program, "--version"], capture_output=True, text=True, check=False).stdout
    return "" if version.startswith("2.3.") else f"needs Dovecot 2.3, here is {version.strip() or 'none'}"


class Dovecot:
    """A server that can be stopped, killed and started again on the same mail, ports and certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.port_starttls = choose_port(None), choose_port(None)
        self.ca_file = folder / "ca.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("run", "state", "mail", "home"):
            (folder / name).mkdir()
        self._own(folder / "mail", folder / "home")
        self.certify()
        self._configure()

    # --- Running ------------------------------------------------------------------------------------

    def start(self) -> None:
        assert _program
        command = [_program, "-F", "-c", str(self.folder / "dovecot.conf")]
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Dovecot did not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Everything ends at once, sessions too."""
        process, self._process = self._process, None
        if process is None:
            return
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for one in children:  # they hold the listening sockets
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait(5)
        deadline = time.monotonic() + 5
        while any(map(_lives, children)) and time.monotonic() < deadline:
            time.sleep(0.005)

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        files = (self.folder / "dovecot.log", self.folder / "output.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    # --- Its set-up ---------------------------------------------------------------------------------

    def certify(
        self, *, name: str = HOST, not_after: datetime | None = None, by: trustme.CA | None = None
    ) -> None:
        """A certificate for that name; takes effect with the next start."""
        certificate = (by or self._authority).issue_cert(name, not_after=not_after)
        (self.folder / "server.pem").write_bytes(
            b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        )
        (self.folder / "server.key").write_bytes(certificate.private_key_pem.bytes())

    def manage(self, *arguments: str) -> str:
        """Dovecot's own administration tool."""
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"doveadm {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    # --- Its mail -----------------------------------------------------------------------------------

    def deliver(self, user: str, *messages: bytes, folder: str = "INBOX", at: float | None = None) -> None:
        """Put messages into a mailbox; INTERNALDATE is `at` (seconds since 1970), else now."""
        place = self._maildir(user, folder)
        for raw in messages:
            name = f"{time.time():.6f}.{os.getpid()}_{next(self._names):07}.example"
            path = place / "tmp" / name
            path.write_bytes(raw)
            if at is not None:
                os.utime(path, (at, at))
            self._own(path)
            path.rename(place / "new" / name)

    def new_validity(self, user: str, validity: int, folder: str = "INBOX") -> None:
        """The folder's UIDs mean something else from now on, as after a restore on the server's side."""
        self.manage("mailbox", "update", "-u", user, "--uid-validity", str(validity), folder)

    def expunge(self, user: str, search: str, folder: str = "INBOX") -> None:
        self.manage("expunge", "-u", user, "mailbox", folder, *search.split())

    def flags(self, user: str, folder: str = "INBOX") -> list[str]:
        """The flags of every message, as the server tells them."""
        told = self.manage("-f", "tab", "fetch", "-u", user, "flags", "mailbox", folder)
        return told.splitlines()[1:]

    def _greets(self) -> bool:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), 5) as plain,
                context.wrap_socket(plain) as sock,
            ):
                return sock.recv(100).startswith(b"* OK")
        except OSError:
            return False

    def _maildir(self, user: str, folder: str) -> Path:
        home = self.folder / "mail" / user
        place = home if folder == "INBOX" else home / f".{folder.replace('/', '.')}"
        for part in ("tmp", "new", "cur"):
            if not (place / part).exists():
                (place / part).mkdir(parents=True)
                self._own(home, place, place / part)
        return place

    def _own(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, _mail_user().pw_uid, _mail_user().pw_gid)

    def _configure(self) -> None:
        root, us = os.geteuid() == 0, pwd.getpwuid(os.geteuid())
        internal = pwd.getpwnam("dovecot") if root else us
        mail = _mail_user() if root else us
        (self.folder / "dovecot.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                password=PASSWORD,
                internal=internal.pw_name,
                internal_group=_group(internal.pw_gid),
                login="dovenull" if root else us.pw_name,
                mail_uid=mail.pw_uid,
                mail_gid=mail.pw_gid,
                port=self.port,
                port_starttls=self.port_starttls,
            )
        )


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A running server; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mission-control-dovecot-"))
    folder.chmod(0o755)  # as root, sessions run as another account that must be able to enter
    server = Dovecot(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _mail_user() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _group(number: int) -> str:

    return grp.getgrgid(number).gr_name


def _lives(process: psutil.Process) -> bool:
    """Dead is who only waits to be noticed, which whoever inherits it may take seconds for."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

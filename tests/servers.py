"""A pytest plugin (`-p tests.servers`) that starts PostgreSQL and Valkey before Django reads its settings.

They live in a throw-away DATA_DIR and are gone when the session ends. With DATABASE_URL or
BROKER_URL set, those servers are used and nothing is started for them. Each process of pytest-xdist has servers
of its own, so that no test meets the queues and locks of another.
"""

import atexit
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from alai import embedded
from alai.embedded import postgres

# What is thrown away need not outlive a power cut: emptying a hundred tables between two tests takes no second then.
# Tests that kill a server have one of their own, with everything on.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Which variables hold addresses of servers that were started here: a worker of xdist inherits them, and uses its own.
OURS = "MISSION_CONTROL_TEST_SERVERS"


def _start() -> embedded.Servers:
    for name in os.environ.pop(OURS, "").split():
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="mission-control-tests-"))
    folder.chmod(0o711)  # as root, the servers run as another account that must be able to enter
    servers = embedded.Servers(folder)
    atexit.register(_stop, servers)
    with patch.dict(postgres.SETTINGS, CARELESS):
        servers.start()
    os.environ[OURS] = " ".join(servers.urls)
    os.environ.update(servers.urls, DATA_DIR=str(folder), SECRET_KEY="only-for-tests-" + "x" * 50)
    os.environ.pop("DEBUG", None)
    # Hundreds of commands are started: each would compile everything anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return servers


def _stop(servers: embedded.Servers) -> None:
    servers.leave()
    embedded.destroy(servers.data_dir)


SERVERS = _start()

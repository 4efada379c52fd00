"""Use the servers of a folder like a command does: `python -m tests.embedded.share FOLDER [UID]`.

Prints their addresses as JSON, waits for a line (or the end) of stdin, leaves. With a UID it
drops root's rights first; everything is imported before, since another account may not reach
the interpreter's folders.
"""

import encodings.idna
import json
import os
import sys
from pathlib import Path

import psycopg
import redis

from alai import embedded

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        assert all((encodings.idna, psycopg, redis))
        os.setgroups([])
        os.setgid(int(sys.argv[2]))
        os.setuid(int(sys.argv[2]))
    try:
        with embedded.servers(folder) as urls:
            print(json.dumps(urls), flush=True)
            sys.stdin.readline()
    except embedded.EmbeddedError as error:
        sys.exit(f"error: {error}")

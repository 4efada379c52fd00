"""A supervisor over small stand-ins: `python -m tests.embedded.stand_in FOLDER PORT [OPTION]`.

OPTION `stubborn` makes the worker ignore TERM, `unprepared` makes the preparation fail, `together` adds a second worker
of the same stage that ends once the first one was asked to. A worker that is not stubborn has a child of its own.
"""

import sys
from pathlib import Path

from alai.embedded import EmbeddedError
from alai.run.parts import Program
from alai.supervisor import Supervisor, say

WEB = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
SLEEP = "import time; time.sleep(300)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
FORKING = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "


FIRST = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[1], 'w').close(), sys.exit()));"
SECOND = """
import os, signal, sys, time

def wait(*_):
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.05)
    sys.exit()

signal.signal(signal.SIGTERM, wait)
"""


def main(folder: Path, port: int, options: list[str]) -> int:
    python = sys.executable
    worker = STUBBORN if "stubborn" in options else FORKING + SLEEP
    parts = [
        Program("web", [python, "-c", WEB, str(port)], 2.0),
        Program("worker", [python, "-c", worker], 1.0),
        Program("beat", [python, "-c", SLEEP], 1.0),
    ]
    if "together" in options:
        asked = f"{folder}-asked"
        first = Program("worker", [python, "-c", FIRST + SLEEP, asked], 10.0, "workers")
        second = Program("mail", [python, "-c", SECOND + SLEEP, asked], 5.0, "workers")
        parts[1:2] = [first, second]
    before = [[python, "-c", f"raise SystemExit({int('unprepared' in options)})"]]
    try:
        Supervisor(folder, ("127.0.0.1", port), parts, before).run()
    except EmbeddedError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))

"""The web part alone under the real supervisor: `python -m tests.streams.supervised FOLDER PORT`."""

import sys
from pathlib import Path

from alai.run.parts import programs
from alai.supervisor import Supervisor

HOST = "127.0.0.1"

if __name__ == "__main__":
    address = (HOST, int(sys.argv[2]))
    Supervisor(Path(sys.argv[1]), address, programs(*address)[:1]).run()

"""One benchmark in a process of its own: `python -m tests.benchmarks.child NAME [ARGUMENT ...]` prints JSON."""

import importlib
import json
import sys
from dataclasses import asdict

import django


def main() -> None:
    django.setup()
    module = importlib.import_module(f"tests.benchmarks.{sys.argv[1]}")
    print(json.dumps([asdict(result) for result in module.run(sys.argv[2:])]))


if __name__ == "__main__":
    main()

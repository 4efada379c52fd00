"""What the web server's process loads at its start is left out of garbage collection."""

import json
import subprocess
import sys

from django.conf import settings

TOLD = """
import gc, json, sys
import alai.asgi
print(json.dumps([gc.get_freeze_count(), len(gc.get_objects()), "infra.api" in sys.modules, list(gc.get_threshold())]))
"""


def test_pages_and_calls_are_loaded_and_left_out() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOLD], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    frozen, walked, api_is_loaded, threshold = json.loads(done.stdout.splitlines()[-1])
    assert frozen > 100_000 > walked
    assert api_is_loaded
    assert threshold[0] > 2_000

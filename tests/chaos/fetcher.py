"""A fetching process of the soak: `python -m tests.chaos.fetcher ADDRESS [--once]` polls without a pause."""

import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alai.settings")


def main() -> int:
    django.setup()
    from inbox.fetching.poll import poll
    from inbox.models import Account

    address, once = sys.argv[1], "--once" in sys.argv
    account = Account.objects.get(address=address).pk
    while True:
        outcome = poll(account, seconds=5)
        if once and not outcome.failed and not outcome.behind:
            return 0
        if not outcome.more:
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())

"""Sets the stage for mail under fire: a feeder's token, partners, and schedules that come each second.

python -m tests.chaos.mail_stage        prints {"token": ...}
"""

import json

import django

django.setup()

from django_celery_beat.models import IntervalSchedule  # noqa: E402

from alai.kernel.auth import issue_token  # noqa: E402
from alai.kernel.models import Actor  # noqa: E402
from inbox import services  # noqa: E402
from inbox.access import SYSTEM  # noqa: E402


def main() -> None:
    IntervalSchedule.objects.filter(every__lte=60).update(every=1)
    actor, _ = Actor.objects.get_or_create(name="feeder", defaults={"kind": "agent"})
    token = issue_token(actor=actor, scopes=["inbox:write"])[1]
    services.add_partner(by=SYSTEM, domain="partner.example", name="Partner AS", tier=1)
    print(json.dumps({"token": token}))


if __name__ == "__main__":
    main()

"""Where only WSGI is served a stream ends after what is there already; its listener asks again."""

import pytest
from django.test import Client

from tests.cast import Cast, make_task
from tests.streams.listening import EVENTS, Heard
from tests.streams.test_live_events import happen


def heard(cast: Cast, last_id: str = "", query: str = "") -> Heard:
    headers = {
        "Authorization": f"Bearer {cast.john.token}",
        **({"Last-Event-ID": last_id} if last_id else {}),
    }
    reply = Client().get(EVENTS + query, headers=headers)
    found = Heard(status=reply.status_code)
    for line in reply.content.decode().splitlines():
        found.take_line(line)
    return found


@pytest.mark.django_db(transaction=True)
def test_asking_again_and_again_hears_everything_once(cast: Cast) -> None:
    task = make_task()
    position = heard(cast).last_id
    ids, seen = [], []
    for _ in range(3):
        ids += [happen(task.pk), happen(task.pk)]
        reply = heard(cast, position)
        seen += reply.ids()
        position = reply.last_id
        assert reply.retry == "2000"
    assert seen == ids
    assert heard(cast, position).events == []


@pytest.mark.django_db(transaction=True)
def test_filters_count_there_too(cast: Cast) -> None:
    task = make_task()
    position = heard(cast).last_id
    happen(task.pk, "noted")
    wanted = happen(task.pk, "claimed")
    assert heard(cast, position, "?kinds=claimed").ids() == [wanted]

"""Hours of the day on the wall: pure rules, right across midnight and in nights that are an hour short or long."""

from datetime import datetime, time, timedelta, tzinfo


def end_of(start: time, end: time, at: datetime, zone: tzinfo) -> datetime | None:
    """When the hours from `start` to `end` are over, if `at` lies in them by the zone's clocks; else None.

    `end` before `start` is that of the next morning. An `end` that the clocks skip that night comes with the hour
    that takes its place.
    """
    local = at.astimezone(zone)
    now, overnight = local.time(), end < start
    if not (now >= start or now < end if overnight else start <= now < end):
        return None
    day = local.date() + timedelta(days=1) if overnight and now >= start else local.date()
    finish = datetime.combine(day, end, zone)
    if finish.timestamp() <= at.timestamp():  # the clocks went back: the hour comes a second time
        finish = finish.replace(fold=1)
    return finish

"""Saved views: kept, renamed, shared and thrown away by their owner, or by an administrator."""

from django.db import IntegrityError, transaction

from alai.kernel import audit
from alai.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from missioncontrol import narrowing
from missioncontrol.models import SavedView
from missioncontrol.querysets import ClockTimestamp
from missioncontrol.services.common import acting_as

MOST_VIEWS = 50  # of one person
LONGEST_NAME = 60


def save_view(*, by: Principal, name: str, query: str, shared: bool = False) -> SavedView:
    """Keep a query of the task list under a name of the caller's own; unknown parameters are dropped.

    Raises Invalid for a name or query that says nothing, Conflict for a name that the caller uses already.
    """
    view = SavedView(owner=by.actor, name=_name(name), query=_query(query), shared=shared)
    if SavedView.objects.filter(owner=by.actor).count() >= MOST_VIEWS:
        raise Invalid(f"You have {MOST_VIEWS} saved views: delete one that you no longer need.")
    return _saved(by, view)


def change_view(
    *,
    by: Principal,
    view_id: int,
    name: str | None = None,
    query: str | None = None,
    shared: bool | None = None,
) -> SavedView:
    """Rename a view, give it another query, share it or take it back. None leaves a thing as it is."""
    view = _own(by, view_id)
    view.name = view.name if name is None else _name(name)
    view.query = view.query if query is None else _query(query)
    view.shared = view.shared if shared is None else shared
    return _saved(by, view)


def delete_view(*, by: Principal, view_id: int) -> SavedView:
    """Throw a view away; answers what it was."""
    view = _own(by, view_id)
    with acting_as(by), audit.writing():
        SavedView.objects.filter(pk=view.pk).delete()
    return view


def _own(by: Principal, view_id: int) -> SavedView:
    """The view, if the caller may change it: its owner, or for a shared one an administrator."""
    view = SavedView.objects.filter(pk=view_id).first() if 0 < view_id <= MAX_BIGINT else None
    if view is None or not (view.shared or view.owner == by.actor):
        raise NotFound("There is no such saved view.", code="view_not_found")
    if view.owner != by.actor and not by.has("admin"):
        raise Forbidden(
            f"“{view.name}” belongs to {view.owner}; save one of your own.", code="view_not_yours"
        )
    return view


def _saved(by: Principal, view: SavedView) -> SavedView:
    """The unique constraint decides whether the name is free."""
    view.updated_at = ClockTimestamp()
    try:
        with acting_as(by), audit.writing(), transaction.atomic():
            view.save()
    except IntegrityError as error:
        if "savedview_one_name_per_owner" not in str(error):
            raise
        raise Conflict(
            f"There is a saved view called “{view.name}” already: take another name.", code="name_taken"
        ) from None
    view.refresh_from_db()
    return view


def _name(text: str) -> str:
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(
            f"A saved view has a name of 1 to {LONGEST_NAME} characters.",
            errors=[{"loc": ["body", "name"], "msg": f"1 to {LONGEST_NAME} characters"}],
        )
    return name


def _query(text: str) -> str:
    query = narrowing.written(narrowing.parsed(text))
    if not query:
        raise Invalid(
            "There is nothing to save: filter, search or sort the list first.",
            errors=[{"loc": ["body", "query"], "msg": "no filter in it"}],
        )
    return query

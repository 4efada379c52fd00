"""Saved views: kept under a name of one's own, changed by their owner alone, each change in the audit trail."""

import pytest

from alai.kernel.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from alai.kernel.models import AuditEntry
from alai.kernel.principals import Principal
from missioncontrol import selectors, services
from missioncontrol.models import SavedView

pytestmark = pytest.mark.django_db

ADA = Principal(actor="ada", scopes=frozenset({"admin"}), is_session=True)
VERA = Principal(actor="vera", scopes=frozenset({"tasks:read"}), is_session=True)
QUERY = "team=sales&status=ready"


def save(by: Principal = VERA, name: str = "Mine", **fields: object) -> SavedView:
    return services.save_view(by=by, name=name, **{"query": QUERY, **fields})  # type: ignore[arg-type]


def names(actor: str) -> list[str]:
    return [view.name for view in selectors.saved_views(actor)]


def trail(view_id: int) -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(target_type="missioncontrol_savedview", target_id=str(view_id))
    return list(entries.order_by("id").values_list("action", "actor"))


def test_what_is_kept_is_the_query_that_means_something() -> None:
    assert save(query="?p=7&status=ready&x=%00&team=sales").query == "status=ready&team=sales"


def test_each_change_says_in_the_audit_trail_who_made_it() -> None:
    view = save()
    services.change_view(by=VERA, view_id=view.pk, name="Ours", shared=True)
    services.change_view(by=ADA, view_id=view.pk, query="status=blocked")
    services.delete_view(by=VERA, view_id=view.pk)
    assert trail(view.pk) == [("insert", "vera"), ("update", "vera"), ("update", "ada"), ("delete", "vera")]


def test_own_views_come_first_and_others_only_when_shared() -> None:
    save(name="Beta")
    save(name="alpha")
    save(by=ADA, name="Ada's own")
    save(by=ADA, name="Everyone's", shared=True)
    assert names("vera") == ["alpha", "Beta", "Everyone's"]
    assert names("ada") == ["Ada's own", "Everyone's"]


def test_a_name_is_taken_once_a_person_whatever_its_letters() -> None:
    view = save(name="Sales")
    save(by=ADA, name="Sales")
    with pytest.raises(Conflict, match="already"):
        save(name="sALES")
    other = save(name="Other")
    with pytest.raises(Conflict):
        services.change_view(by=VERA, view_id=other.pk, name="Sales")
    assert SavedView.objects.get(pk=other.pk).name == "Other"
    assert services.change_view(by=VERA, view_id=view.pk, name="SALES").name == "SALES"


@pytest.mark.parametrize("name", ["", "   ", "\0\n\t", "x" * 61])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="1 to 60"):
        save(name=name)


def test_a_name_is_tidied() -> None:
    assert save(name="  Two\n words ").name == "Two words"


@pytest.mark.parametrize("query", ["", "?", "p=3", "status=nonsense", "x=1", "&" * 200])
def test_a_query_that_narrows_nothing_is_refused(query: str) -> None:
    with pytest.raises(Invalid, match="nothing to save"):
        save(query=query)


def test_others_views_are_not_changed() -> None:
    shared, own = save(by=ADA, name="Shared", shared=True), save(by=ADA, name="Own")
    expected: list[tuple[int, type[ApiError]]] = [
        (shared.pk, Forbidden),
        (own.pk, NotFound),
        (10**18, NotFound),
        (0, NotFound),
    ]
    for view_id, refusal in expected:
        with pytest.raises(refusal):
            services.change_view(by=VERA, view_id=view_id, name="Vera's")
        with pytest.raises(refusal):
            services.delete_view(by=VERA, view_id=view_id)
    assert names("ada") == ["Own", "Shared"]


def test_somebodys_own_view_is_hidden_from_administrators_too() -> None:
    with pytest.raises(NotFound):
        services.delete_view(by=ADA, view_id=save().pk)


def test_nobody_keeps_more_than_fifty() -> None:
    for number in range(50):
        save(name=f"View {number}")
    with pytest.raises(Invalid, match="50 saved views"):
        save(name="One more")

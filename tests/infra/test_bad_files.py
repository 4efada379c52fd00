"""Whatever is wrong with a file is said with file, line and a hint, and nothing is loaded."""

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import registry
from infra.models import Platform, Site
from infra.registry import RegistryError
from tests.infra.conftest import Folder

HEAD = "x.example.com:\n  kind: static\n"
WRONG = {
    "an unknown field": (HEAD + "  platfrom: vm\n", 3, "platfrom: there is no field platfrom - did you mean platform?"),
    "an unknown choice": (
        "x.example.com:\n  kind: statik\n", 2, "kind: 'statik' is not one of static, dynamic - did you mean static?",
    ),
    "a name that nobody has": (
        HEAD + "  platform: page\n", 3, "platform: platforms.yaml has no page - did you mean pages?",
    ),
    "an alias": ("x.example.com: &a\n  kind: static\ny.example.com: *a\n", 3, "aliases (*name) are not taken"),
    "a number for text": (HEAD + "  task: 8482\n", 3, 'task: 8482 is not text; put it in quotes: "8482"'),
    "text for a number": (HEAD + '  priority: "2"\n', 3, "priority: '2' is not a whole number"),
    "text for a switch": (HEAD + "  watched: yes\n", 3, "watched: 'yes' is not true or false"),
    "a missing field": ("x.example.com:\n  notes: none\n", 1, "x.example.com: kind is missing"),
    "a key twice": (HEAD + "  kind: dynamic\n", 3, "kind stands here a second time"),
    "a record twice": (HEAD + HEAD, 3, "x.example.com stands here a second time"),
    "no mapping": ("- x\n", 1, "the file must be a mapping"),
    "no YAML": ("x: [\n", 2, "not YAML"),
    "a tag that makes objects": ("x: !!python/object/apply:os.system [ls]\n", 1, "not YAML"),
    "an impossible name": ("a b:\n  kind: static\n", 1, "'a b' is no name"),
    "a number beyond its column": (HEAD + "  priority: 100000\n", 3, "priority: 100000"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_it_is_said_with_file_line_and_hint(text: str, line: int, sentence: str, folder: Folder) -> None:
    folder.write("sites.yaml", text)
    with pytest.raises(RegistryError) as raised:
        registry.load(folder.path)
    told = [problem for problem in raised.value.problems if sentence in problem.sentence]
    assert [(one.file, one.line) for one in told] == [("sites.yaml", line)], str(raised.value)
    assert not Platform.objects.exists()


def test_the_shape_of_a_list_is_checked(folder: Folder) -> None:
    folder.write(
        "hosts.yaml", "one:\n  name: One\n  role: primary\n  addresses: [{via: pigeon, address: loft}]\n"
    )
    with pytest.raises(RegistryError, match=r"hosts\.yaml:4: one\.addresses: .*pigeon|via"):
        registry.load(folder.path)


def test_a_step_that_names_no_channel_is_refused(folder: Folder) -> None:
    folder.write("channels.yaml", "ops:\n  address: ops\n")
    folder.write(
        "escalation_policies.yaml", "p:\n  name: P\n  steps: [{after_seconds: 0, level: L1, channel: opps}]\n"
    )
    with pytest.raises(RegistryError, match=r"channels\.yaml has no opps - did you mean ops\?"):
        registry.load(folder.path)


def test_a_file_of_no_kind_is_named(folder: Folder) -> None:
    folder.write("site.yaml", "{}\n")
    with pytest.raises(RegistryError, match=r"no kind is called site - did you mean sites\?"):
        registry.load(folder.path)


def test_every_problem_is_told_at_once(folder: Folder) -> None:
    folder.write("sites.yaml", "a.example.com:\n  kind: x\nb.example.com:\n  kind: y\n")
    with pytest.raises(RegistryError) as raised:
        registry.load(folder.path)
    assert [problem.line for problem in raised.value.problems] == [2, 4]


def test_a_constraint_of_the_database_is_told_with_its_line(folder: Folder) -> None:
    folder.write(
        "maintenance_windows.yaml",
        "w:\n  starts_at: 2026-05-08T12:00:00Z\n  ends_at: 2026-05-08T11:00:00Z\n  reason: moving\n",
    )
    with pytest.raises(
        RegistryError, match=r"maintenance_windows\.yaml:1: w: .*maintenance_ends_after_it_starts"
    ):
        registry.load(folder.path)
    assert not Site.objects.exists()


@pytest.mark.parametrize("argument", ["/nowhere/at/all", __file__])
def test_a_folder_that_is_none_is_refused(argument: str, db: None) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        call_command("load_registry", argument)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_no_text_raises_anything_else(folder: Folder, text: str) -> None:
    (folder.path / "sites.yaml").write_text(text, "utf-8", errors="replace")
    problems = None
    try:
        registry.load(folder.path, dry_run=True)
    except RegistryError as error:
        problems = error.problems
    assert problems != []

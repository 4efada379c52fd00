"""The folder for what was sent is found by its mark, else by its name in many languages."""

import pytest

from inbox.imap.folders import SENT_NAMES, sent_folder
from inbox.imap.responses import Listed


def folder(name: str, *attributes: str, delimiter: str = "/") -> Listed:
    return Listed(name, delimiter, frozenset(attributes))


def test_the_servers_mark_counts_before_any_name() -> None:
    assert sent_folder([folder("Sent"), folder("Utgående", "\\sent"), folder("INBOX")]) == "Utgående"


@pytest.mark.parametrize(
    "name",
    [
        "Sent", "INBOX/Sent", "[Gmail]/Sent Mail", "Sent Items", "Sendte elementer", "[Gmail]/Sendt e-post",
        "Poslano", "INBOX/Poslane poruke", "Gesendete Objekte", "Éléments envoyés", "Отправленные",
        "SENT MESSAGES",
    ],
)  # fmt: skip
def test_names_tell_in_many_languages(name: str) -> None:
    assert sent_folder([folder("INBOX"), folder("Drafts"), folder(name), folder("Archive/2026")]) == name


def test_the_likeliest_of_several_names_is_taken() -> None:
    assert sent_folder([folder("Gesendet"), folder("Sent Items"), folder("Sent")]) == "Sent"


def test_a_folder_that_cannot_be_opened_is_none() -> None:
    assert sent_folder([folder("Sent", "\\noselect"), folder("INBOX")]) == ""


def test_a_server_without_hierarchy_has_flat_names() -> None:
    assert sent_folder([folder("a/Sent", delimiter=""), folder("Sent", delimiter="")]) == "Sent"


def test_every_name_is_written_as_it_is_compared() -> None:
    assert [name for name in SENT_NAMES if name != name.casefold()] == []

import pytest

from inbox.triage.scan.folding import fold, skeleton, words
from inbox.triage.scan.phrases import book, find, phrase


def kinds(text: str) -> set[str]:
    return set(find(words(text, 1000), text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please verify your account today", "account"),
        ("V\u200berify your acc\u00adount", "account"),
        ("𝐕𝐞𝐫𝐢𝐟𝐲 𝐲𝐨𝐮𝐫 𝐚𝐜𝐜𝐨𝐮𝐧𝐭", "account"),
        ("Vеrify yоur аccount", "account"),  # Cyrillic e, o, a
        ("Ihr Konto wurde vorübergehend gesperrt", "account"),
        ("Votre compte a été suspendu", "account"),
        ("Su cuenta ha sido bloqueada", "account"),
        ("Sua conta foi bloqueada", "account"),
        ("Il suo conto è stato sospeso", "account"),
        ("Uw rekening is geblokkeerd", "account"),
        ("Kontoen din er sperret: bekreft kontoen", "account"),
        ("Vaš račun je blokiran", "account"),
        ("Twoje konto zostało zablokowane", "account"),
        ("Ваш аккаунт заблокирован", "account"),
        ("お客様のアカウントを停止しました", "account"),
        ("Ihr Paket konnte nicht zugestellt werden", "payment"),
        ("Seu pedido está retido na alfândega", "payment"),
        ("Vaša pošiljka čeka uplatu carine", "payment"),
        ("Herzlichen Glückwunsch, Sie haben gewonnen", "prize"),
        ("Gratulerer, du har vunnet", "prize"),
        ("next of kin of the late engineer", "fortune"),
        ("your recovery phrase", "crypto"),
        ("I have recorded your webcam: send bitcoin", "extortion"),
        ("hot russian girls", "lust"),
    ],
)
def test_phrases_are_found_in_many_languages_and_disguises(text: str, kind: str) -> None:
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "I have verified the figures in your report, the account of last week was good.",
        "Kontoen er opprettet, og fakturaen er betalt.",
        "Račun za novembar je u prilogu.",
        "The gas contract was signed by Dynegy; the account executive will call you on Monday.",
        "Wir treffen uns am Freitag um zehn, das Konto der Firma ist gedeckt.",
        "",
    ],
)
def test_ordinary_business_has_none(text: str) -> None:
    assert kinds(text) == set()


def test_the_same_words_count_once() -> None:
    text = "verify your account. Verify your account! VERIFY YOUR ACCOUNT"
    assert find(words(text, 100), text)["account"] == ["verify your account"]


def test_a_gap_skips_up_to_three_words_and_no_more() -> None:
    assert "account" in kinds("your account as of today on hold")
    assert "account" not in kinds("your account and many other things that we put on hold")


@pytest.mark.parametrize("source", ["", "_ word", "word? word", "e-mail now", "~ a"])
def test_a_phrase_that_could_never_be_found_is_refused(source: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - either sentence will do
        phrase("kind", source)


def test_all_shipped_phrases_are_well_formed() -> None:
    shelf = book()
    assert sum(len(phrases) for phrases in shelf.index.values()) > 800
    assert len(shelf.verbatim) > 80


def test_folding_takes_away_case_accents_and_ornament() -> None:
    assert fold("Čevapčići ÅNGSTRÖM Straße ﬁne") == "cevapcici angstrom strasse fine"


def test_what_looks_alike_has_one_skeleton() -> None:
    assert skeleton("paypa1") == skeleton("paypal") == skeleton("рауpаl") == skeleton("paypai")
    assert skeleton("paypal") != skeleton("paypall")

"""Which folder holds what was sent: RFC 6154 says it with `\\Sent`; without it the folder's name has to tell."""

from collections.abc import Sequence

from inbox.imap.responses import Listed

INBOX = "INBOX"

# The last part of the name, in small letters, the likeliest first; as mail programs and providers name it.
SENT_NAMES = (
    "sent", "sent items", "sent mail", "sent messages", "sent e-mail",  # English
    "sendte elementer", "sendt", "sendte", "sendt e-post", "sendte e-poster", "sendte meldinger",  # Norwegian
    "sendt post", "sendte mails",  # Danish
    "skickat", "skickade objekt", "skickat mail",  # Swedish
    "lähetetyt", "lähetetyt kohteet",  # Finnish
    "poslano", "poslane", "poslane stavke", "poslate stavke", "poslane poruke", "poslata pošta", "poslato",
    "poslana pošta", "послато", "послане ставке", "послата пошта",  # Bosnian, Croatian, Serbian, Slovene
    "gesendet", "gesendete elemente", "gesendete objekte", "gesendete nachrichten",  # German
    "verzonden", "verzonden items", "verzonden berichten",  # Dutch
    "envoyés", "éléments envoyés", "messages envoyés",  # French
    "enviados", "elementos enviados", "correo enviado", "mensajes enviados",  # Spanish
    "itens enviados", "mensagens enviadas", "enviadas",  # Portuguese
    "inviata", "posta inviata", "inviati", "elementi inviati",  # Italian
    "wysłane", "elementy wysłane",  # Polish
    "odeslaná pošta", "odeslané", "odoslané", "odoslaná pošta",  # Czech, Slovak
    "elküldött", "elküldött elemek",  # Hungarian
    "trimise", "elemente trimise",  # Romanian
    "отправленные", "надіслані", "изпратени",  # Russian, Ukrainian, Bulgarian
    "απεσταλμένα", "gönderilmiş öğeler", "gönderilenler",  # Greek, Turkish
)  # fmt: skip


def sent_folder(folders: Sequence[Listed]) -> str:
    """The name of the folder for sent mail; empty when there is none that one could tell."""
    usable = [folder for folder in folders if folder.selectable and folder.name.upper() != INBOX]
    marked = [folder.name for folder in usable if "\\sent" in folder.attributes]
    if marked:
        return marked[0]
    named = [
        (SENT_NAMES.index(last), folder.name) for folder in usable if (last := _last(folder)) in SENT_NAMES
    ]
    return min(named)[1] if named else ""


def _last(folder: Listed) -> str:
    name = folder.name.rpartition(folder.delimiter)[2] if folder.delimiter else folder.name
    return name.casefold()

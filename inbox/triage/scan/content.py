"""Signals of what is said, and of what is hidden in how it is written."""

import re

from inbox.triage.scan.folding import mixes_alphabets
from inbox.triage.scan.lexicon import covers
from inbox.triage.scan.view import SPOKEN, Hits, View, hit

_FANCY = re.compile(
    "[\u1d00-\u1d7f\u0299\u029c\u026a\u0280\u0274\u2460-\u24ff\uff21-\uff3a\uff41-\uff5a"
    "\U0001d400-\U0001d7ff\U0001f110-\U0001f189]"
)
_INNER = "\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u0730-\u074a"
_MARKS = "\u0300-\u036f"
_WITHIN = re.compile(f"[A-Za-z](?:[{_INNER}]|[{_MARKS}]{{2}})[{_INNER}{_MARKS}]*[A-Za-z.]")
_NOT_LATIN = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_LETTERS = re.compile(r"[^\W\d_]+")
_GAP = re.compile(
    r"\[(?:your|my|first|last|full|unsubscribe|recipient|company|user|client|customer|receiver)[_ -][a-z]{2,20}\]"
    r"|^\s*\[(?:to|name|email|subject|date)\]|\{\{?[a-z][\w .]{1,30}\}?\}|%%[\w.]{2,30}%%|%[A-Z]{5,20}%"
    r"|\[\[-?[A-Za-z]{3,20}-?\]\]",
    re.IGNORECASE,
)
_MAILBOX = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{4,100}")
KINDS = ("account", "payment", "prize", "fortune", "crypto", "extortion", "lust", "bait", "urgency")


def said(view: View) -> Hits:
    """Phrases of phishing: one of a kind may be chance, several are not."""
    found = view.phrases
    for kind in KINDS:
        hits = found.get(kind, [])
        if hits:
            yield hit(f"says_{kind}" if len(hits) == 1 else f"says_much_{kind}", words="; ".join(hits[:4]))
    if found.get("stranger") and (found.keys() & {"account", "payment", "prize", "fortune", "crypto"}):
        yield hit("greets_a_stranger", words=found["stranger"][0])


def disguised(view: View) -> Hits:
    """Letters that look like others: for eyes the text reads well, for filters it does not."""
    heading = f"{view.mail.sender.name} {view.mail.subject}"
    if not heading.isascii():
        if len(_FANCY.findall(heading)) >= 4:
            yield hit("fancy_letters", where="subject or name")
        if _WITHIN.search(heading):
            yield hit("invisible_letters", where="subject or name")
        if _mixed(heading):
            yield hit("mixed_letters", where="subject or name")
    body = view.mail.text[:20_000]
    if not body.isascii():
        if len(_FANCY.findall(body)) >= 20:
            yield hit("fancy_letters_within")
        if len(_WITHIN.findall(body)) >= 5:
            yield hit("invisible_letters_within")
        if _mixed(body) >= 4:
            yield hit("mixed_letters_within")


def _mixed(text: str) -> int:
    """How many words mix the Latin with the Greek or Cyrillic alphabet."""
    if text.isascii():
        return 0
    return sum(mixes_alphabets(word) for word in _LETTERS.findall(text))


def pictures(view: View) -> Hits:
    """A picture to click on and hardly a word: made so that nothing can be read by a filter."""
    clickable = [url for link, url in view.clicks if link.image or link.kind == "area"]
    if not clickable:
        return
    count = view.spoken
    if count <= 12:
        yield hit("picture_only", count=count)
    elif count <= 35 and len({url.host for url in clickable}) == 1:
        yield hit("picture_mostly", count=count)


def hidden(view: View) -> Hits:
    """Much more hidden than shown. A line of preview text is honest practice and does not count."""
    hidden_words = len(SPOKEN.findall(view.mail.hidden_text[:200_000]))
    if hidden_words >= 60 and hidden_words > 2 * view.spoken:
        yield hit("hidden_text", hidden=hidden_words, shown=view.spoken)


def shouts(view: View) -> Hits:
    """A heading in capitals or full of exclamation marks."""
    subject = view.mail.subject
    letters = [letter for letter in subject if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    if subject.count("!") >= 2 or (len(letters) >= 15 and capitals > 0.8 * len(letters)):
        yield hit("subject_shouts")


def unfilled(view: View) -> Hits:
    """Gaps of a template that the sender's program did not fill."""
    hrefs = (link.href for link in view.mail.links[:50])
    places = (view.mail.subject, view.mail.sender.name, view.mail.header("to"), view.mail.text[:3000], *hrefs)
    gap = next((found for place in places if (found := _GAP.search(place[:3000]))), None)
    if gap is not None:
        yield hit("template_unfilled", gap=gap.group())


def mailboxes(view: View) -> Hits:
    """A fortune or business that is to be answered at a free mailbox which is not the sender's."""
    if max(len(view.phrases.get(kind, ())) for kind in ("fortune", "prize")) < 2:
        return
    for found in _MAILBOX.finditer(view.mail.text[:20_000]):
        address = found.group().lower()
        known = {view.mail.sender.email} | view.recipients
        if covers(view.hosts.freemail, address.rpartition("@")[2]) and address not in known:
            yield hit("text_freemail", address=address)
            return


def by_freemail(view: View) -> Hits:
    """A house of accounts, prizes or parcels that writes from a free mailbox."""
    pressing = [
        kind for kind in ("account", "payment", "prize", "crypto") if len(view.phrases.get(kind, ())) >= 2
    ]
    if view.from_freemail and pressing:
        yield hit("business_by_freemail", host=view.sender_host)


def addressed(view: View) -> Hits:
    """The recipient's address where his name would stand."""
    subject = view.mail.subject.lower()
    name = view.mail.sender.name.lower()
    own = view.mail.sender.email
    if any(email in subject for email in view.recipients):
        yield hit("recipient_in_subject")
    if own in view.recipients and not view.facts.get("verified"):
        yield hit("sender_is_recipient")
    elif any(email in name and email != own for email in view.recipients):
        yield hit("recipient_as_sender")


def contacts(view: View) -> Hits:
    """A company that can be reached at a free mailbox alone."""
    if view.from_freemail or not view.sender:
        return
    hrefs = (link.href for link in view.mail.links if link.href[:7].lower() == "mailto:")
    mails = {href[7:].partition("?")[0].strip("<> ").lower() for href in hrefs}
    free = all(covers(view.hosts.freemail, mail.rpartition("@")[2]) for mail in mails)
    if mails and free and not view.clicks:
        yield hit("mailto_freemail", address=min(mails))


SIGNALS = (said, disguised, pictures, hidden, shouts, unfilled, mailboxes, by_freemail, addressed, contacts)

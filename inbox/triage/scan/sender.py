"""Signals of who claims to write."""

import re

from inbox.triage.domains import aligned, organisation, suffix
from inbox.triage.scan.folding import skeleton
from inbox.triage.scan.lexicon import Brand, belongs, brands, covers
from inbox.triage.scan.urls import shown_domain
from inbox.triage.scan.view import Hits, View, hit

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_DOMAIN = re.compile(r"(?<![\w@.-])((?:[a-z0-9-]{2,63}\.)+[a-z]{2,10})(?![\w@-])", re.IGNORECASE)
# Words that may stand beside an ordinary word for it to be a brand's name.
_OFFICE_WORDS = """
support team service services customer care account accounts security alert alerts notice notification notifications
update updates billing help center centre online inc llc ltd official reward rewards prize winner bank wallet id store
shop payments payment app com partner express delivery tracking paket zustellung versand news network foundation labs
kundenservice kundendienst gutschein gutscheins gewinnspiel atendimento department
"""
_OFFICES = frozenset(_OFFICE_WORDS.split())
_NUMBERED = re.compile(r"[a-z][._-]?\d{5,}$|\.\d{3,}\.\d{3,}\.")
_SEPARATED = re.compile(r"[,;]\s{0,9}_?\s{0,9}\(?\s{0,9}<[^<>]{0,300}@")
_IN_COMMENT = re.compile(r"\(\s{0,9}<[^<>]{1,300}@[^<>]{1,300}>\s{0,9}\)")
_SERVERS = re.compile(
    r"^(?:root|www-data|apache|nobody|httpd|nginx|www|web|daemon|admin)@|@(?:localhost|.*\.local(?:domain)?$)"
)


def identity(view: View) -> Hits:
    """A From that programs read differently, or that cannot be anybody's."""
    codes = {finding.code for finding in view.mail.findings}
    if codes & {"from_missing", "from_unparsable"}:
        yield hit("from_unparsable")
    elif "from_several" in codes:
        yield hit("from_several", count=len(view.mail.senders))
    if _contorted(view.mail.header("from")):
        yield hit("from_contorted")
    host = view.sender_host
    literal = host.startswith("[")
    if host and not literal and ("." not in host or " " in host or _SERVERS.search("@" + host)):
        yield hit("from_impossible", host=host)
    path = view.mail.return_path
    if path and _SERVERS.search(path) and not aligned(path.rpartition("@")[2], host):
        yield hit("from_a_server", path=path)


def _contorted(value: str) -> bool:
    """A separator right before the address: some programs then show the name alone, as a sender of its own."""
    return bool(_SEPARATED.search(value) or _IN_COMMENT.search(value))


def disguises(view: View) -> Hits:
    """A name that shows another address or domain than the mail is from."""
    name = view.mail.sender.name
    shown = _EMAIL.search(name)
    if shown:
        if not aligned(shown.group().rpartition("@")[2].lower(), view.sender_host):
            yield hit("address_in_name", shown=shown.group(), host=view.sender_host)
        return
    for found in _DOMAIN.finditer(name):
        domain = found.group(1).lower()
        if shown_domain(domain) and suffix(domain) != domain and not aligned(domain, view.sender_host):
            if not covers(view.hosts.shorteners, domain) and organisation(domain) != view.sender:
                yield hit("domain_in_name", shown=domain, host=view.sender_host)
            return


def brand(view: View) -> Hits:
    """A brand's name without the brand's domain: in the sender's name, else in subject, picture or link."""
    claimed = claim(view.name_words, view)
    if claimed is not None:
        if skeleton(view.sender.partition(".")[0]) in map(skeleton, view.name_words):
            yield hit("brand_beside_sender", brand=claimed.name, host=view.sender_host)
            return
        yield hit("brand_in_name", brand=claimed.name, host=view.sender_host)
        if view.from_freemail:
            yield hit("brand_by_freemail", brand=claimed.name, host=view.sender_host)
        if any(belongs(claimed, url.host) for _, url in view.clicks):
            return
        if view.clicks:
            yield hit("brand_links_elsewhere", brand=claimed.name, host=view.clicks[0][1].host)
        return
    local = re.split(r"[^a-z]+", view.mail.sender.email.partition("@")[0])
    claimed = claim(local, view) or claim(view.subject_words, view, alone=False)
    if claimed is not None and not any(belongs(claimed, url.host) for _, url in view.links):
        yield hit("brand_in_subject", brand=claimed.name, host=view.sender_host)


def claim(words: list[str], view: View, alone: bool = True) -> Brand | None:
    """The first brand named that is not the sender's."""
    index = brands()
    forms = [skeleton(word) for word in words]
    for place, form in enumerate(forms):
        for one in index.get(form, ()):
            if tuple(forms[place : place + len(one.tokens)]) != one.tokens:
                continue
            if one.alone and not (alone and _only(words, place, len(one.tokens))):
                continue
            if len(one.tokens) == 1 and len(form) < 4 and not _only(words, place, 1):
                continue
            if not belongs(one, view.sender_host):
                return one
    return None


def _only(words: list[str], place: int, length: int) -> bool:
    rest = words[:place] + words[place + length :]
    return all(word in _OFFICES for word in rest)


def own(view: View) -> Hits:
    """Our own address, or the recipient's, as sender."""
    if view.facts.get("own_claimed") and (view.known.fetched or view.facts.get("failed")):
        yield hit("own_forged")


def looks(view: View) -> Hits:
    """A domain or address that nobody would choose."""
    host = view.sender_host
    labels = host.split(".")
    ending = suffix(host)
    if len(labels) >= 6 or sum(len(label) == 1 for label in labels) >= 3:
        yield hit("sender_many_labels", host=host)
    if covers(view.hosts.cheap_suffixes, ending):
        yield hit("sender_cheap_suffix", suffix=ending)
    main = organisation(host).partition(".")[0]
    local = view.mail.sender.email.partition("@")[0]
    if random_looking(main):
        yield hit("sender_random", what=main)
    elif random_looking(local) and not set(local) & set("#=+") and not view.mail.has_header("list-id"):
        yield hit("sender_random", what=local)
    elif _NUMBERED.search(local):
        yield hit("sender_numbered", local=local)
    if "xn--" in host:
        yield hit("sender_punycode", host=host)


def random_looking(label: str) -> bool:
    """Digits among letters, or hardly a vowel: nobody could say it on the telephone."""
    bare = re.sub(r"[^a-z0-9]", "", label.lower())
    if len(bare) < 7:
        return False
    changes = len(re.findall(r"[a-z](?=\d)|\d(?=[a-z])", bare))
    letters = re.sub(r"\d", "", bare)
    vowels = sum(letter in "aeiouy" for letter in letters)
    longest = max((len(run) for run in re.findall(r"[bcdfghjklmnpqrstvwxz]+", bare)), default=0)
    speechless = len(letters) >= 9 and vowels / len(letters) < 0.2
    return (
        changes >= 4 or longest >= (8 if "sch" in bare else 6) or speechless or (changes >= 3 and vowels <= 2)
    )


def reply(view: View) -> Hits:
    """Answers that go to somebody else's free mailbox."""
    for address in view.mail.reply_to[:3]:
        if not address.email or address.email == view.mail.sender.email:
            continue
        if covers(view.hosts.freemail, address.domain):
            code = "reply_to_other_freemail" if view.from_freemail else "reply_to_freemail"
            yield hit(code, address=address.email)
            return
        if not view.sender or aligned(address.domain, view.sender_host) or view.mail.has_header("list-id"):
            continue
        if organisation(address.domain) not in view.link_owners:
            yield hit("reply_to_stranger", address=address.email)
            return


SIGNALS = (identity, disguises, brand, own, looks, reply)

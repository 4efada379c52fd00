"""Signals of where a click would lead."""

import re
from urllib.parse import unquote

from inbox.mail.parsed import Link
from inbox.mail.text import from_base64
from inbox.triage.domains import aligned, organisation, rented, suffix
from inbox.triage.scan.folding import mixes_alphabets, skeleton
from inbox.triage.scan.lexicon import Brand, belongs, brands, covers
from inbox.triage.scan.sender import random_looking
from inbox.triage.scan.urls import Url, shown_domain
from inbox.triage.scan.view import Hits, View, hit

_SCRIPT = re.compile(r"^\s*(?:javascript|vbscript|data:text/html|data:application)", re.IGNORECASE)
_INNER = re.compile(
    r"/wp-(?:includes|admin)/.|/wp-content/.+\.(?:php|html?)|/\.well-known/.|/(?:components|modules|plugins|themes)/.+\.php",
    re.IGNORECASE,
)
_DOWNLOAD = re.compile(
    r"\.(?:exe|scr|msi|apk|iso|img|vbs|js|jse|hta|lnk|bat|cmd|jar|zip|rar|7z|docm|xlsm)$", re.IGNORECASE
)
_MAILBOX = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63})*")
_TOKEN = re.compile(r"[A-Za-z0-9+=_-]{16,200}")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_NESTED = re.compile(
    r"[?&#/=](?:u|url|q|to|target|dest|redirect\w*|r|link|goto|adurl|continue|next)=(https?(?::|%3a)[^&#]{4,})",
    re.IGNORECASE,
)
_PRIVATE_IP = re.compile(r"^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|127\.)")


def hosts(view: View) -> Hits:
    """Hosts that hide who stands behind them; each kind counts once."""
    seen: set[str] = set()
    for _, url in view.links[:200]:
        for code in _kinds(view, url):
            if code not in seen:
                seen.add(code)
                yield hit(code, host=url.host)
        if len(seen) >= 8:
            return


def _kinds(view: View, url: Url) -> list[str]:
    home = url.organisation == view.sender
    if not home and view.hosts.redirectors.match(url.host + url.path[:60]):
        return ["link_redirector"]
    if covers(view.hosts.forms, url.host):
        return ["link_form"]
    free = not home and (covers(view.hosts.free_hosts, url.host) or _rented(view, url))
    if covers(view.hosts.social, url.host):
        return ["link_free_host"] if free else []
    if url.is_ip:
        return [] if _PRIVATE_IP.match(url.host) else ["link_ip"]
    found = []
    if url.userinfo and ("." in url.userinfo or "@" in url.userinfo or "%40" in url.userinfo):
        found.append("link_userinfo")
    if covers(view.hosts.shorteners, url.host):
        found.append("link_shortener")
    elif free:
        found.append("link_free_host")
    if "xn--" in url.host and _homograph(url.host):
        found.append("link_homograph")
    if not home and _INNER.search(url.path):
        found.append("link_into_a_site")
    if not home and _DOWNLOAD.search(url.path):
        found.append("link_download")
    if url.port not in ("", "80", "443", "8080") and not home:
        found.append("link_port")
    if not home and covers(view.hosts.cheap_suffixes, suffix(url.host)):
        found.append("link_cheap_suffix")
    if (
        not home
        and random_looking(url.organisation.partition(".")[0])
        and not covers(view.hosts.trackers, url.host)
    ):
        found.append("link_random_host")
    return found


def _homograph(host: str) -> bool:
    """An internationalised name that mixes alphabets, or is spelt in letters that all have Latin doubles."""
    try:
        labels = host.encode("ascii").decode("idna").split(".")
    except UnicodeError:
        return True
    foreign = [label for label in labels if not label.isascii()]
    return any(mixes_alphabets(label) or skeleton(label).isascii() for label in foreign)


def _rented(view: View, url: Url) -> bool:
    """A name beneath a suffix that a company rents out to anybody."""
    return (
        rented(url.host)
        and not covers(view.hosts.shops, url.host)
        and not covers(view.hosts.trackers, url.host)
    )


def strangers(view: View) -> Hits:
    """Nothing that can be clicked belongs to the sender."""
    if not view.clicks or not view.sender or view.leads_home or view.from_freemail:
        return
    owners = view.link_owners
    if owners and not any(_related(view.sender, owner) for owner in owners):
        yield hit("links_elsewhere", host=view.sender, where=sorted(owners)[0])
        if len(owners) == 1 and len(view.clicks) <= 6:
            yield hit("links_one_stranger", where=next(iter(owners)))


def _related(sender: str, owner: str) -> bool:
    """Two domains of one house often share their name: example.com and example-mail.no."""
    one, other = sender.partition(".")[0], owner.partition(".")[0]
    short, long = sorted((one, other), key=len)
    return len(short) >= 4 and short in long


def borrowed(view: View) -> Hits:
    """A brand's name within a host that is not the brand's."""
    for _, url in view.clicks[:30]:
        if url.organisation == view.sender and view.facts.get("verified"):
            continue
        named = _brand_in(url.host)
        if named is not None:
            yield hit("brand_in_link", brand=named.name, host=url.host)
            return
    named = _brand_in(view.sender_host)
    if named is not None:
        yield hit("brand_in_domain", brand=named.name, host=view.sender_host)


def _brand_in(host: str) -> Brand | None:
    index = brands()
    for label in re.split(r"[.-]", host):
        for one in index.get(skeleton(label), ()):
            if len(one.tokens) == 1 and len(label) >= 4 and not one.alone and not belongs(one, host):
                return one
    return None


def shown(view: View) -> Hits:
    """A link whose text shows another domain than it leads to. Honest mail does so too when it counts clicks."""
    for link, url in view.clicks[:100]:
        domain = shown_domain(link.text)
        if not domain or aligned(domain, url.host):
            continue
        if covers(view.hosts.trackers, url.host) or url.organisation == view.sender:
            continue
        yield hit("link_shows_another", shown=domain, host=url.host)
        return


def tricks(view: View) -> Hits:
    """Links that run something, or carry another address within them."""
    if any(_SCRIPT.match(link.href) for link in view.mail.links):
        yield hit("link_script")
    if any(link.kind == "refresh" for link in view.mail.links):
        yield hit("meta_refresh")
    for _, url in view.clicks[:50]:
        inner = _NESTED.search(url.path + url.rest)
        if inner and url.organisation != view.sender and not covers(view.hosts.trackers, url.host):
            target = (
                re.sub(r"^https?:/*", "", unquote(inner.group(1)), flags=re.IGNORECASE)
                .partition("/")[0]
                .lower()
            )
            if "." in target and not aligned(target, url.host):
                yield hit("link_carries_another", host=url.host, target=target)
                return


def personal(view: View) -> Hits:
    """The recipient's address within the link: the page behind it greets its victim by name."""
    for _, url in view.clicks[:30]:
        if url.organisation == view.sender or covers(view.hosts.trackers, url.host):
            continue
        rest = unquote(url.path + url.rest)
        if _MAILBOX.search(rest.partition("#")[2]):
            yield hit("address_behind_hash", host=url.host)
            return
        if any(email in rest.lower() for email in view.recipients) or _coded_address(rest):
            yield hit("recipient_in_link", host=url.host)
            return


def _coded_address(text: str) -> bool:
    """An address in hexadecimal or base64: only to find out who clicked, and to hide that."""
    for token in _TOKEN.findall(text)[:20]:
        coded = _HEX.fullmatch(token) is not None
        plain = bytes.fromhex(token[: len(token) // 2 * 2]) if coded else from_base64(token.encode())[0]
        if plain.isascii() and _MAILBOX.fullmatch(plain.decode()):
            return True
    return False


def forms(view: View) -> Hits:
    """Mail that asks for input itself."""
    if view.mail.password_fields:
        yield hit("form_password")
    posts = [link for link in view.mail.links if link.kind == "form"]
    if any(_foreign(link, view) for link in posts):
        yield hit("form_elsewhere")


def _foreign(link: Link, view: View) -> bool:
    url = next((url for one, url in view.links if one is link), None)
    return url is not None and organisation(url.host) != view.sender and not view.leads_home


SIGNALS = (hosts, strangers, borrowed, shown, tricks, personal, forms)

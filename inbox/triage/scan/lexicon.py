"""The scan's data files, loaded once: hosts by kind, brands and their domains, signals and their weights."""

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from inbox.triage.domains import organisation, suffix
from inbox.triage.scan.folding import skeleton, words


@dataclass(frozen=True, slots=True)
class Hosts:
    """Domains by kind; a domain stands for its subdomains."""

    shorteners: frozenset[str]
    free_hosts: frozenset[str]
    forms: frozenset[str]
    shops: frozenset[str]
    trackers: frozenset[str]
    social: frozenset[str]
    freemail: frozenset[str]
    cheap_suffixes: frozenset[str]
    redirectors: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Brand:
    """A name that phishing borrows. `alone`: an ordinary word, which counts only where it stands alone."""

    name: str
    tokens: tuple[str, ...]
    domains: frozenset[str]
    alone: bool


def _read(name: str) -> str:
    return (resources.files("inbox.triage") / "data" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def hosts() -> Hosts:
    """`data/hosts.toml`."""
    data = tomllib.loads(_read("hosts.toml"))
    paths = (re.escape(path).replace(r"\*", r"[\w.]{2,12}") for path in data.pop("redirectors"))
    pattern = re.compile(rf"(?:[\w-]+\.){{0,3}}(?:{'|'.join(paths)})")
    return Hosts(redirectors=pattern, **{kind: frozenset(names) for kind, names in data.items()})


def covers(domains: frozenset[str], host: str) -> bool:
    """Whether a host is one of the domains or lies beneath one."""
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False


@lru_cache(maxsize=1)
def brands() -> dict[str, tuple[Brand, ...]]:
    """`data/brands.txt`, by the skeleton of a name's first word."""
    index: dict[str, list[Brand]] = defaultdict(list)
    for line in _read("brands.txt").splitlines():
        names, found, domains = line.partition(":")
        if not found or line.startswith("#"):
            continue
        theirs = frozenset(domains.split())
        for name in names.split(","):
            bare = name.strip()
            alone, bare = bare.startswith("="), bare.lstrip("=")
            tokens = tuple(skeleton(word) for word in words(bare, 10))
            index[tokens[0]].append(Brand(bare, tokens, theirs, alone))
            joined = "".join(tokens)
            if len(tokens) > 1 and len(joined) >= 6:
                index[joined].append(Brand(bare, (joined,), theirs, alone))
    return {first: tuple(sorted(found, key=lambda b: -len(b.tokens))) for first, found in index.items()}


def belongs(brand: Brand, host: str) -> bool:
    """Whether a host is the brand's: listed, or its very name under a country's or an old general suffix."""
    if covers(brand.domains, host):
        return True
    owner = organisation(host)
    label, _, rest = owner.partition(".")
    own = "".join(brand.tokens)
    if skeleton(label) != own or not label.isascii():
        return False
    ending = suffix(host)
    return rest == ending and (len(ending.rpartition(".")[2]) == 2 or ending in ("com", "net", "org"))


@dataclass(frozen=True, slots=True)
class Weight:
    """What a signal weighs, and the sentence that explains it."""

    points: float
    says: str


@lru_cache(maxsize=1)
def weights() -> dict[str, Weight]:
    """`data/signals.toml`."""
    data = tomllib.loads(_read("signals.toml"))
    return {code: Weight(float(entry["weight"]), entry["says"]) for code, entry in data.items()}

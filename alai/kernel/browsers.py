"""What a browser says of itself, in words: `Firefox on Windows`, `Safari on an iPhone`."""

import re
from dataclasses import dataclass

# The first that is found counts: each browser also names those that it wants to be taken for.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Vivaldi", "Vivaldi"), ("SamsungBrowser", "Samsung Internet"),
    ("FxiOS", "Firefox"), ("Firefox/", "Firefox"), ("CriOS", "Chrome"), ("Chromium", "Chromium"),
    ("HeadlessChrome", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"),
    ("Wget", "wget"), ("python", "Python"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("CrOS", "ChromeOS"), ("Mac OS X", "a Mac"), ("Linux", "Linux"),
)  # fmt: skip
HANDHELD = re.compile("iPhone|iPad|Android|Mobile")


@dataclass(frozen=True, slots=True)
class Browser:
    """`symbol` is the name of an icon."""

    name: str
    symbol: str


def browser(agent: str) -> Browser:
    """From a User-Agent header; what it says is believed, since it only helps its owner to recognise it."""
    program = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    words = " on ".join(filter(None, (program, system))) or "An unknown browser"
    return Browser(words[0].upper() + words[1:], "smartphone" if HANDHELD.search(agent) else "computer")

"""Text as it is meant, not as it is spelt: case, diacritics, fancy letters and look-alikes folded away."""

import re
import unicodedata
from functools import lru_cache

# Letters that NFKD leaves alone though readers take them for others.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "å": "a",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "ß": "ss",
        "ı": "i",
        "œ": "oe",
        "þ": "th",
        "’": "'",
    }
)
# Cyrillic and Greek letters that look like Latin ones: for words that mix scripts.
_PAIRS = """
аa еe оo рp сc уy хx іi јj ѕs һh ԁd ԛq ԝw вb кk мm нh тt гr ьb αa οo ρp υu νv κk ιi τt εe ηn χx γy ϲc σo ωw ɡg
"""
_LOOKALIKES = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487\u0730-\u074a\u20d0-\u20ff\ufe20-\ufe2f]")
_LATIN = re.compile(r"[A-Za-z]")
# Greek, Cyrillic, Armenian, Cherokee, Tai Le, Coptic, Lisu: alphabets with letters that pass for Latin ones.
_OTHER = re.compile(
    "[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff\u1950-\u197f\u2c80-\u2cff\ua4d0-\ua4ff\uab70-\uabbf]"
)


def fold(text: str) -> str:
    """Lower case, without diacritics, invisible and fancy characters."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", INVISIBLE.sub("", text)).casefold()
    return _MARKS.sub("", text).translate(_LETTERS)


def words(text: str, limit: int) -> list[str]:
    """The folded words of a text, the first `limit`; in words of mixed script look-alikes count as Latin letters."""
    folded = fold(text)
    found = _WORD.findall(folded)[:limit]
    if folded.isascii():
        return found
    return [_latin(word) if mixes_alphabets(word) else word for word in found]


def mixes_alphabets(word: str) -> bool:
    """Whether a word has Latin letters beside Greek or Cyrillic ones."""
    return not word.isascii() and bool(_LATIN.search(word)) and bool(_OTHER.search(word))


def _latin(word: str) -> str:
    return word.translate(_LOOKALIKES)


@lru_cache(maxsize=20_000)
def skeleton(word: str) -> str:
    """What a word looks like: `paypaI`, `paypa1` and Cyrillic look-alikes all become one."""
    return word.translate(_LOOKALIKES).translate(_DIGITS)


_DIGITS = str.maketrans("01345i|", "oleasll")

"""A small language: words of English, Norwegian and Bosnian, as frequent as words are, and phrases made of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

WORDS_A_LANGUAGE = 6_000
TITLES, SENTENCES = 6_000, 9_000
ENGLISH = """
the customer offer mail invoice website server backup contract deadline update review meeting report payment supplier
tender domain certificate database migration release budget order delivery schedule translation draft answer complaint
address account password printer warranty archive newsletter partner project photo logo form search menu checkout price
discount stock shipping refund ticket agent session lease evidence incident rollback monitor latency timeout queue
"""
NORWEGIAN = """
kunden tilbud faktura nettside tjener sikkerhetskopi kontrakt frist oppdatering møte rapport betaling leverandør anbud
domene sertifikat database flytting utgave budsjett ordre levering plan oversettelse utkast svar klage adresse konto
passord skriver garanti arkiv nyhetsbrev partner prosjekt bilde logo skjema søk meny kasse pris rabatt lager frakt
refusjon sak økt bevis hendelse tilbakerulling overvåking kø årsmøte regnskap lønn skatt vedlegg signatur ventetid
"""
BOSNIAN = """
kupac ponuda račun stranica poslužitelj kopija ugovor rok ažuriranje sastanak izvještaj plaćanje dobavljač tender
domena certifikat baza selidba izdanje budžet narudžba isporuka raspored prijevod nacrt odgovor žalba adresa lozinka
štampač garancija arhiva bilten partner projekat slika logo obrazac pretraga meni kasa cijena popust zaliha dostava
povrat slučaj sesija dokaz incident nadzor kašnjenje red godišnji porez plata prilog potpis čekanje uplata pošta
"""
SHARES = ((ENGLISH, 50), (NORWEGIAN, 30), (BOSNIAN, 20))


@dataclass(frozen=True)
class Tongue:
    """A language's words, the most frequent first, and their cumulated weights (Zipf: one by rank)."""

    words: list[str]
    weights: list[float]

    def say(self, dice: Random, shortest: int, longest: int) -> str:
        return " ".join(dice.choices(self.words, cum_weights=self.weights, k=dice.randint(shortest, longest)))


def phrases(seed: int) -> tuple[list[str], list[str]]:
    """Titles and sentences out of which tasks are made; the same for the same seed."""
    dice = Random(seed)  # noqa: S311 - a sample, no secret
    tongues = [_tongue(plain.split(), dice) for plain, _ in SHARES]
    shares = [share for _, share in SHARES]
    chosen = dice.choices(tongues, shares, k=TITLES + SENTENCES)
    titles = [tongue.say(dice, 3, 7).capitalize() for tongue in chosen[:TITLES]]
    sentences = [tongue.say(dice, 6, 14).capitalize() + "." for tongue in chosen[TITLES:]]
    return titles, sentences


def _tongue(plain: list[str], dice: Random) -> Tongue:
    words = list(dict.fromkeys(_ever_rarer(plain, dice)))
    return Tongue(words, list(accumulate(1 / rank for rank in range(1, len(words) + 1))))


def _ever_rarer(plain: list[str], dice: Random) -> Iterator[str]:
    """The plain words, then compounds of two of them."""
    yield from dice.sample(plain, len(plain))
    for _ in range(WORDS_A_LANGUAGE):
        yield "".join(dice.sample(plain, 2))

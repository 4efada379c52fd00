"""Whether the From is who it says: by what our own server wrote, and by nothing else (decision 1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from inbox.mail.parsed import AuthenticationResult, Parsed
from inbox.triage.domains import aligned
from inbox.triage.verdicts import Outcome, Sighting, Signal, Surroundings

_FAILED = {"fail", "softfail", "permerror"}


@dataclass(frozen=True, slots=True)
class Standing:
    """`verified`: the From domain is authenticated. `failed`: it was checked and is not."""

    verified: bool
    failed: bool
    detail: str


def trusted(mail: Parsed, known: Surroundings) -> tuple[AuthenticationResult, ...]:
    """The results of the topmost header, if we fetched the mail and our own server wrote that header.

    Headers further down came with the message, and a feeder's message is whatever the feeder says it is.
    """
    if not known.fetched:
        return ()
    return tuple(
        result
        for result in mail.authentication
        if result.position == 0 and result.authserv_id in known.authserv_ids
    )


def standing(mail: Parsed, known: Surroundings) -> Standing:
    """Verified by DMARC, or by a DKIM signature of the From domain's organisation."""
    results = trusted(mail, known)
    senders = {sender.email for sender in mail.senders if sender.email}
    codes = {finding.code for finding in mail.findings}
    if len(senders) != 1 or codes & {"duplicate_from", "from_unparsable", "from_missing"}:
        return Standing(False, False, "There is not exactly one readable From, so nothing can vouch for it.")
    if not results:
        return Standing(False, False, "No result of a server that we trust.")
    return _of(results, mail.sender.domain)


def _of(results: tuple[AuthenticationResult, ...], domain: str) -> Standing:
    dmarc = [result for result in results if result.method == "dmarc"]
    if any(result.result in _FAILED for result in dmarc):
        return Standing(False, True, f"DMARC fails for {domain}.")
    for result in results:
        if result.result != "pass" or not aligned(result.domain, domain):
            continue
        if result.method in ("dmarc", "dkim"):
            return Standing(True, False, f"{result.method.upper()} passes for {domain}.")
    if any(result.method == "spf" and result.result == "fail" for result in results):
        return Standing(False, True, f"SPF fails and no signature of {domain} makes up for it.")
    return Standing(False, False, f"Nothing authenticates {domain}.")


def judge(sighting: Sighting) -> Outcome:
    """Facts `verified` and `failed`, and a note of every result whether trusted or not."""
    found = standing(sighting.mail, sighting.known)
    code = "verified" if found.verified else "failed" if found.failed else "unverified"
    signals = (Signal(code, 0, found.detail), *_notes(sighting))
    return Outcome(signals, facts={"verified": found.verified, "failed": found.failed})


def _notes(sighting: Sighting) -> Iterator[Signal]:
    ours = set(trusted(sighting.mail, sighting.known))
    for result in sighting.mail.authentication[:20]:
        whose = "our server" if result in ours else "an untrusted header"
        domain = f" for {result.domain}" if result.domain else ""
        yield Signal(
            f"{result.method[:20]}_{result.result[:20]}", 0, f"{result.result[:20]}{domain}, says {whose}."
        )

"""Signals of who vouches for the sender. Nobody forges a failure, so failures count whoever wrote them down."""

from inbox.triage.domains import aligned
from inbox.triage.scan.view import Hits, View, hit

_NO_PASS = {"fail", "softfail", "none", "neutral", "permerror", "temperror"}


def authenticity(view: View) -> Hits:
    """DMARC or SPF fails, or servers looked and found nothing that belongs to the From."""
    results = view.mail.authentication
    host = view.sender_host
    if view.facts.get("failed"):
        yield hit("authentication_failed", host=host)
        return
    if view.facts.get("verified"):
        return
    top = [result for result in results if result.position == 0]
    if any(result.method == "dmarc" and result.result == "fail" for result in top):
        yield hit("dmarc_failed", host=host)
        return
    if any(
        result.result == "pass" and _vouches(result.method) and aligned(result.domain, host) for result in top
    ):
        return
    spf = next((result.result for result in top if result.method == "spf"), "") or _received_spf(view)
    if spf in ("fail", "softfail"):
        yield hit("spf_failed", result=spf, host=host)
    elif top and {result.method for result in top} >= {"spf"} and host:
        yield hit("nothing_vouches", host=host)


def _vouches(method: str) -> bool:
    return method in ("dmarc", "dkim", "spf")


def _received_spf(view: View) -> str:
    return view.mail.header("received-spf").partition(" ")[0].strip().lower()


SIGNALS = (authenticity,)

"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, or None when there is none to be known.

    With PROXY_COUNT proxies in front it is what the outermost of them wrote into X-Forwarded-For: whatever
    stands further left, the client may have made up.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if settings.PROXY_COUNT and hops:
        address = hops[-min(settings.PROXY_COUNT, len(hops))]
    try:
        return str(ip_address(address))
    except ValueError:
        return None

"""How the admin looks: settings of django-unfold. Callables get the request and run when a page is made."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _static(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"mission-control/{path}")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Mission Control",
    "SITE_HEADER": "Mission Control",
    "SITE_URL": None,
    "SITE_ICON": _static("mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("mark.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "8px",
    "ENVIRONMENT": "alai.navigation.environment",
    "DASHBOARD_CALLBACK": "alai.home.dashboard",
    "STYLES": [_static("admin.css")],
    "SCRIPTS": [_static("page.js"), _static("live.js"), _static("keys.js"), _static("place.js")],
    "ACCOUNT": {
        "navigation": [
            {"title": "My account", "link": reverse_lazy("account:home")},
            {"title": "My tokens", "link": reverse_lazy("account:tokens")},
        ]
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": "alai.navigation.sidebar"},
    "COMMAND": {"search_models": False, "show_history": False, "search_callback": "alai.search.search"},
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(70.5% .16 276.935)",
            "500": "oklch(67.3% .182 276.935)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        },
    },
}

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from alai import health
from alai.api import api
from infra.pings import ping

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", include("alai.kernel.admin.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("infra.public_pages")),
    path("health", health.alive),
    path("health/ready", health.ready),
    path("metrics", health.prometheus),
    re_path(r"^ping/(?P<job>[^/]+)(?:/(?P<action>[^/]+))?/?$", ping, name="ping"),
]
handler400 = "alai.kernel.failures.handler400"
handler403 = "alai.kernel.failures.handler403"
handler404 = "alai.kernel.failures.handler404"
handler500 = "alai.kernel.failures.handler500"

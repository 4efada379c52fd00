"""The project's settings with the failing views in place of its own."""

from alai.settings import *  # noqa: F403

ROOT_URLCONF = "tests.kernel.middleware.site_urls"
CSRF_FAILURE_VIEW = "alai.kernel.failures.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = 1  # noqa: F405

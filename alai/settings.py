"""Settings: plain assignments grouped by heading. Everything that differs between
installations comes from the environment and is listed in README's table."""

import socket
import zoneinfo
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from alai.kernel.environment import choice, clock, flag, number, whole
from alai.kernel.logs import logging_config
from alai.kernel.secret_key import load_or_create
from alai.unfold import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
env = environ.Env()

# --- Installation -----------------------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data"))).expanduser().resolve()
DEBUG = flag("DEBUG", default=False)
USUAL = ("development", "production") if DEBUG else ("production", "development")
ENVIRONMENT = choice("ENVIRONMENT", USUAL[0], USUAL[1], "staging")
HOST = env.str("HOST", default="127.0.0.1").strip("[]")
PORT = whole("PORT", 8000, least=1, most=65535)
HTTPS = flag("HTTPS", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or load_or_create(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PROXY_COUNT = whole("PROXY_COUNT", 0, most=20)
LOOPBACK = [
    "localhost",
    "127.0.0.1",
    "[::1]",
]  # by which probes on this machine ask, whatever else it is called
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[f"[{HOST}]" if ":" in HOST else HOST]), *LOOPBACK]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HOST_NAME = env.str("HOST_NAME", default=socket.gethostname())
SERVICE_NAME = "mission-control"

# --- Applications -----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the site is ours
    "unfold.contrib.filters",
    "alai.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "csp",
    "axes",
    "ninja",
    "django_celery_beat",
    "alai.kernel",
    "missioncontrol",
    "inbox",
    "infra",
    "alai.apps.RootConfig",
]
MIDDLEWARE = [
    "alai.kernel.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "alai.kernel.csp.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "alai.kernel.door.DoorMiddleware",
    "alai.kernel.acting.ActingUserMiddleware",
    "alai.kernel.middleware.ProblemMiddleware",
    "alai.kernel.idempotency.IdempotencyMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "alai.urls"
WSGI_APPLICATION = "alai.wsgi.application"
WEB_THREADS = whole("WEB_THREADS", 4, least=1, most=200)  # that answer requests, a web process
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database ---------------------------------------------------------------------------------------
# B1ms-sized servers allow 35 connections: 2 web workers x 8 and a worker's 4 threads stay below that.
if not env.str("DATABASE_URL", default=""):
    raise ImproperlyConfigured(
        "DATABASE_URL is not set. `make run` and `manage.py` start an embedded PostgreSQL by themselves; "
        "other programs need DATABASE_URL=postgres://user:password@host:port/name."
    )
if not env.str("DATABASE_URL").startswith(("postgres://", "postgresql://")):
    raise ImproperlyConfigured(
        "DATABASE_URL is no PostgreSQL address: write postgres://user:password@host:port/name."
    )
DATABASE_PREPARE = flag("DATABASE_PREPARE", default=True)
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # cheaply: see alai.kernel.pool
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "pool": {
        "min_size": 1,
        "max_size": whole("DATABASE_POOL", 8, least=1, most=1000),
        "timeout": 3,
        "max_lifetime": 1800,
    },
    # None, Django's default, forbids preparing even where a statement asks for it; no other one is prepared.
    "prepare_threshold": 1_000_000_000 if DATABASE_PREPARE else None,
    "application_name": env.str("DATABASE_APPLICATION_NAME", default=SERVICE_NAME),
    "connect_timeout": 5,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 30,
    # What a page or a call asks is short: starting parallel workers or a compiler for it takes longer than the answer.
    "options": "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s "
    "-c random_page_cost=1.1 -c max_parallel_workers_per_gather=0 -c jit=off",
}

# --- Broker, cache, Celery --------------------------------------------------------------------------
BROKER_URL = env.str("BROKER_URL", default="")
if not BROKER_URL:
    raise ImproperlyConfigured(
        "BROKER_URL is not set. `make run` and `manage.py` start an embedded Valkey by themselves; "
        "other programs need BROKER_URL=redis://:password@host:port/0."
    )
CACHES = {
    "default": {
        "BACKEND": "alai.kernel.cache.CountingRedisCache",
        "LOCATION": BROKER_URL,
        "KEY_PREFIX": "mc",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "celery"
# What waits for mail servers and models has a worker of its own, and cannot delay the ledger and notifications.
MAIL_QUEUE = "mail"
CELERY_TASK_ROUTES = {
    f"inbox.tasks.{name}": {"queue": MAIL_QUEUE}
    for name in ("fetch_mail", "fetch_account", "triage", "ask_llm")
}
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Time and language ------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="Europe/Oslo")
if TIME_ZONE not in zoneinfo.available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE={TIME_ZONE} is no time zone: use a name such as Europe/Oslo.")
USE_TZ = True
USE_I18N = True

# --- Sign-in ----------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
DEFAULT_EXCEPTION_REPORTER_FILTER = "alai.kernel.failures.NoSecrets"
CSRF_FAILURE_VIEW = "alai.kernel.failures.csrf_failure"
SESSION_ENGINE = "alai.kernel.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
REQUIRE_TWO_FACTOR = choice("REQUIRE_TWO_FACTOR", "nobody", "administrators", "staff", "everybody")
TWO_FACTOR_WAIT_SECONDS = 1.0  # after the first wrong code; each further one doubles it
OWN_TOKEN_SCOPES = env.list("OWN_TOKEN_SCOPES", default=["tasks:read", "tasks:write", "hivemind"])
OWN_TOKEN_DAYS = whole("OWN_TOKEN_DAYS", 365, least=1, most=3650)
TOKEN_WARNING_DAYS = whole("TOKEN_WARNING_DAYS", 7, least=1, most=3650)
AXES_FAILURE_LIMIT = whole("LOGIN_FAILURE_LIMIT", 5, least=1)
AXES_COOLOFF_TIME = number("LOGIN_COOLOFF_HOURS", 0.25, most=8760)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "alai.kernel.door.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "alai.kernel.address.client_address"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]

# --- Security headers -------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health"]  # probes speak plain HTTP
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Plain HTTP is right on loopback only; the check alai.W001 speaks up when HOST is reachable from outside.
SILENCED_SYSTEM_CHECKS = [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
# Alpine in the admin evaluates expressions (unsafe-eval); the hash is the periodic-task form's one inline script.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL, "'sha256-QE3U2xYF7B4J2ro1/9oxiKhaWCGW39gB7ocQ/xlD0bE='"],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Static files -----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "files"
INBOX_MESSAGE_MAX_BYTES = whole("INBOX_MESSAGE_MAX_MB", 30, least=1, most=1000) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = (
    INBOX_MESSAGE_MAX_BYTES + 1024
)  # the largest body is a mail; JSON has its own limit
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- API --------------------------------------------------------------------------------------------
NINJA_PAGINATION_MAX_LIMIT = 500
NINJA_NUM_PROXIES = PROXY_COUNT
IDEMPOTENCY_HOURS = 24
STREAM_HEARTBEAT_SECONDS = number("STREAM_HEARTBEAT_SECONDS", 15, least=0.05, most=3600)
STREAM_CHECK_SECONDS = number(
    "STREAM_CHECK_SECONDS", 20, least=0.05, most=3600
)  # how soon a revoked token's stream ends
EVIDENCE_MAX_BYTES = whole("EVIDENCE_MAX_MB", 50, least=1, most=10_000) * 1024 * 1024

# --- Registry ---------------------------------------------------------------------------------------
REGISTRY_DIR = Path(env.str("REGISTRY_DIR", default=str(BASE_DIR / "registry"))).expanduser()

# --- Watching ---------------------------------------------------------------------------------------
WATCH = flag(
    "WATCH", default=False
)  # a second installation must neither probe the company's sites nor page anybody
WATCH_ANCHORS = env.list(
    "WATCH_ANCHORS", default=[]
)  # host:port that answer whenever we are online ourselves
WATCH_QUEUE = "watch"
CELERY_TASK_ROUTES |= {f"infra.tasks.{name}": {"queue": WATCH_QUEUE} for name in ("probe", "incidents")}

# --- Mission control --------------------------------------------------------------------------------
MC_LEASE_ENFORCE = flag("MC_LEASE_ENFORCE", default=True)
NATIVE_TASK_ID_START = 1_000_000

# --- Mail accounts ----------------------------------------------------------------------------------
MAIL_CA_FILE = env.str("MAIL_CA_FILE", default="")  # certificate authorities beside the system's
MAIL_IDLE_SECONDS = whole("MAIL_IDLE_SECONDS", 0, most=1740)  # 0: each minute is enough

# --- Slack ------------------------------------------------------------------------------------------
SLACK_API_URL = env.str("SLACK_API_URL", default="https://slack.com/api")
SLACK_BOT_TOKEN = env.str("SLACK_BOT_TOKEN", default="")
SLACK_DEFAULT_CHANNEL = env.str("SLACK_DEFAULT_CHANNEL", default="")
NOTIFICATION_PACE_SECONDS = number(
    "NOTIFICATION_PACE_SECONDS", 1.0, most=3600
)  # Slack: one a second and channel
NOTIFICATION_COALESCE_AFTER = whole("NOTIFICATION_COALESCE_AFTER", 10, least=1)

# --- Inbox ------------------------------------------------------------------------------------------
INBOX_SLACK_CHANNEL = env.str("INBOX_SLACK_CHANNEL", default=SLACK_DEFAULT_CHANNEL or "#ceo")
INBOX_PUSHES_PER_CYCLE = whole("INBOX_PUSHES_PER_CYCLE", 10, least=1)
INBOX_CYCLE_SECONDS = whole("INBOX_CYCLE_SECONDS", 60, least=1, most=86_400)
INBOX_LLM_PUSHES_PER_SENDER = whole("INBOX_LLM_PUSHES_PER_SENDER", 3)  # and day
INBOX_DIGEST_AT = clock("INBOX_DIGEST_AT", "08:00")  # in TIME_ZONE
INBOX_DIGEST_ALARM_MINUTES = whole("INBOX_DIGEST_ALARM_MINUTES", 10, least=1, most=1440)
INBOX_SLA_HOURS = (24, 48, 72, 96)
# The handbook's model and patience ("Step 3: LLM Revenue Classifier"); no address, no question.
INBOX_LLM = {
    "url": env.str("INBOX_LLM_URL", default=""),
    "model": env.str("INBOX_LLM_MODEL", default="mlx-community/Qwen2.5-Coder-32B-Instruct-4bit"),
    "key": env.str("INBOX_LLM_KEY", default=""),
    "prompt_price": str(number("INBOX_LLM_PROMPT_PRICE", 0)),  # dollars for 1,000 tokens
    "completion_price": str(number("INBOX_LLM_COMPLETION_PRICE", 0)),
}
INBOX_LLM_CLOUD = {
    "url": env.str("INBOX_LLM_CLOUD_URL", default=""),
    "model": env.str("INBOX_LLM_CLOUD_MODEL", default=""),
    "key": env.str("INBOX_LLM_CLOUD_KEY", default=""),
    "prompt_price": str(number("INBOX_LLM_CLOUD_PROMPT_PRICE", 0)),
    "completion_price": str(number("INBOX_LLM_CLOUD_COMPLETION_PRICE", 0)),
}
INBOX_LLM_SECONDS = number("INBOX_LLM_SECONDS", 15, least=0.1, most=600)
INBOX_LLM_BREAKER_FAILURES = 5
INBOX_LLM_BREAKER_SECONDS = 60
PAPERLESS_URL = env.str("PAPERLESS_URL", default="")
PAPERLESS_SECONDS = 5  # best-effort: nobody waits longer for it
PAPERLESS_TOKEN = env.str("PAPERLESS_TOKEN", default="")
PAPERLESS_ACCESS_ID = env.str("PAPERLESS_ACCESS_ID", default="")  # of Cloudflare Access
PAPERLESS_ACCESS_SECRET = env.str("PAPERLESS_ACCESS_SECRET", default="")

# --- Logs and metrics -------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING_CONFIG = None
LOGGING = logging_config(level=LOG_LEVEL, service=SERVICE_NAME, version=VERSION)

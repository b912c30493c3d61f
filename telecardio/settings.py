"""Settings of every process, driven by the environment (see ``.env.example``)."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from telecardio import admin_menu
from telecardio.servers import broker_url, server_addresses

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env("TELECARDIO_VAR", default=str(BASE_DIR / "var")))

DEBUG = env.bool("DEBUG", default=False)
DEVELOPMENT_SECRET = "development-only-secret-never-use-it-on-a-server"  # noqa: S105
# A checkout without any setting is a trial on this machine; a deployment says
# TELECARDIO_ENV=production and must then bring its own secret.
PRODUCTION = env("TELECARDIO_ENV", default="local") == "production"
SECRET_KEY = env("SECRET_KEY", default="") or DEVELOPMENT_SECRET
if PRODUCTION and (SECRET_KEY == DEVELOPMENT_SECRET or len(SECRET_KEY) < 50):
    message = "Set SECRET_KEY to 50 or more random characters (see .env.example)."
    raise ImproperlyConfigured(message)

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ([] if PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "patients.admin_config.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "django_htmx",
    "patients",
    "devices",
    "inference",
    "telecardio",
]

MIDDLEWARE = [
    "telecardio.operations.request_id.identify_request",
    "telecardio.operations.middleware.answer_machines",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "patients.sign_in_required.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "telecardio.urls"
ASGI_APPLICATION = "telecardio.asgi.application"

TEMPLATES = [
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

# --- PostgreSQL and Redis ---------------------------------------------------
DATABASE_URL, REDIS_URL = server_addresses()
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
# Where every request has a thread of its own, as in web.
SHARE_CONNECTIONS = env.bool("SHARE_CONNECTIONS", default=False)
DATABASES["default"] |= {
    "ENGINE": "telecardio.postgresql",
    "SHARE_CONNECTIONS": SHARE_CONNECTIONS,
    "CONN_MAX_AGE": 0 if SHARE_CONNECTIONS else env.int("CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    # Several test runs may share one server.
    "TEST": {"NAME": env("TEST_DATABASE", default=f"test_telecardio_{os.getpid()}")},
}
# A host that has gone without a word is missed soon, not after a quarter of an hour.
DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # So is a host of ours, with the locks that it held.
    "options": " ".join(
        [
            DATABASES["default"].get("OPTIONS", {}).get("options", ""),
            "-c idle_in_transaction_session_timeout=300s",
            "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5",
            "-c tcp_keepalives_count=3",
        ]
    ).strip(),
}
# For the statements of devices.fixed_sql; the ORM's are never prepared.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 0
# A socket's folder comes as ``?host=``; commands such as dbshell read HOST.
if host := DATABASES["default"]["OPTIONS"].pop("host", ""):
    DATABASES["default"]["HOST"] = host
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Every key of ours starts with this, so several installations and test runs
# can share one Redis.
REDIS_PREFIX = env("REDIS_PREFIX", default="tc:")
REDIS_TIMEOUT_S = 1.0

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # The layer waits up to 5 s for a message, so a reply may take longer.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15}],
            "prefix": f"{REDIS_PREFIX}channels",
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
        "OPTIONS": {
            "socket_timeout": REDIS_TIMEOUT_S,
            "socket_connect_timeout": REDIS_TIMEOUT_S,
        },
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- Celery -------------------------------------------------------------------
# A worker's process compiles the analysis where that was not done before.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120.0
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="") or broker_url(REDIS_URL)
# Of Redis; RabbitMQ takes no notice of them.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}celery:",
    "socket_timeout": 5,
    "socket_connect_timeout": REDIS_TIMEOUT_S,
    "visibility_timeout": 300,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis whose disk is full, or that has become a replica, answers and refuses to
# write. A worker that took that for the end would have to be started again.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TASK_IGNORE_RESULT = True
# Celery would open a connection to PostgreSQL for each task; telecardio.celery keeps
# one as a request does, for CONN_MAX_AGE.
CELERY_DB_REUSE_MAX = sys.maxsize
# A task only says that there may be work; what is due stands in PostgreSQL and the
# sweeps find it. So a lost task is no loss, and nothing need be acknowledged late.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "live"
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Its schedule knows intervals only, so there is nothing to keep in a file.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"

# --- Analysis -----------------------------------------------------------------
# Live records are dealt out by their number to so many queues: ``live``, ``live.1`` …,
# each served by a process of its own, which keeps the states of its records.
LIVE_SHARDS = env.int("LIVE_SHARDS", default=1)
if LIVE_SHARDS < 1:
    message = f"LIVE_SHARDS is 1 or more, not {LIVE_SHARDS}."
    raise ImproperlyConfigured(message)
# A worker keeps the states of so many records in memory, 47 kB each.
ANALYSIS_STATES_KEPT = env.int("ANALYSIS_STATES_KEPT", default=2000)

# --- People ---------------------------------------------------------------------
AUTH_USER_MODEL = "patients.User"
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
_VALIDATORS = (
    "UserAttributeSimilarityValidator",
    "MinimumLengthValidator",
    "CommonPasswordValidator",
    "NumericPasswordValidator",
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"} for name in _VALIDATORS
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    # Hosts below this name may be other people's, and plain HTTP.
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_SUBDOMAINS", default=False)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
    # Both are for whoever owns the whole domain to say.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)

# --- Email ----------------------------------------------------------------------
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env("EMAIL_HOST", default="127.0.0.1")
EMAIL_PORT = env.int("EMAIL_PORT", default=1025)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_ADDRESS = env("EMAIL_ADDRESS", default="telecardio@localhost")
EMAIL_HOST_USER = EMAIL_ADDRESS if env("EMAIL_PASSWORD", default="") else ""
EMAIL_HOST_PASSWORD = env("EMAIL_PASSWORD", default="")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = EMAIL_ADDRESS

# --- Device API -----------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
MAX_PACKET_BODY_BYTES = 1 << 20
# How long ingest waits for the whole of a body; who is slower sends less at once.
MAX_PACKET_BODY_S = env.float("MAX_PACKET_BODY_S", default=60)
# A device may upload signal this many times faster than it is recorded, after a
# burst of so many seconds of signal: a backlog gets through. 0 turns it off.
DEVICE_BUDGET_FACTOR = env.float("DEVICE_BUDGET_FACTOR", default=20)
DEVICE_BUDGET_BURST_S = env.float("DEVICE_BUDGET_BURST_S", default=1800)
# A recording that is uploaded in the browser: a day of one lead as CSV.
MAX_RECORD_UPLOAD_BYTES = 256 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

# --- Language, time, files --------------------------------------------------------
LANGUAGE_CODE = "en"
# What the pages are written in; another would mix with words of the framework.
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "static/"
STATIC_ROOT = Path(env("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "telecardio" / "static"]
# Segments of signal (docs/storage.md): files, or with a bucket any S3 there is. Its
# credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or the machine.
SEGMENTS_S3_BUCKET = env("SEGMENTS_S3_BUCKET", default="")
_SEGMENT_FILES = {
    "BACKEND": "devices.segment_files.DurableFiles",
    "OPTIONS": {"location": env("SEGMENTS_DIR", default=str(VAR_DIR / "segments"))},
}
_SEGMENT_OBJECTS = {
    "BACKEND": "devices.segment_objects.SegmentObjects",
    "OPTIONS": {
        "bucket_name": SEGMENTS_S3_BUCKET,
        "endpoint_url": env("SEGMENTS_S3_ENDPOINT", default="") or None,
        "region_name": env("SEGMENTS_S3_REGION", default="") or None,
        "location": env("SEGMENTS_S3_PREFIX", default="segments"),
        "default_acl": None,
    },
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "segments": _SEGMENT_OBJECTS if SEGMENTS_S3_BUCKET else _SEGMENT_FILES,
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
MEDIA_ROOT = VAR_DIR / "media"

UNFOLD = admin_menu.UNFOLD

# Demonstration only: shows the mails that the demo's SMTP server received.
DEMO_MAIL_DIR = env("DEMO_MAIL_DIR", default="")

# Opens /metrics to whoever knows it; without one, to nobody.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    message = "Set METRICS_TOKEN to 20 or more random characters, or not at all."
    raise ImproperlyConfigured(message)

# Asked for every 30 s while all is well; a watcher there misses it otherwise.
WATCHDOG_PING_URL = env("WATCHDOG_PING_URL", default="")

_LINES = {"plain": "PlainLines", "json": "JsonLines"}
LOG_FORMAT = env("TELECARDIO_LOG_FORMAT", default="plain")
if LOG_FORMAT not in _LINES:
    message = f"TELECARDIO_LOG_FORMAT is plain or json, not {LOG_FORMAT!r}."
    raise ImproperlyConfigured(message)
# The servers' own loggers, made before these settings are read.
_SERVERS = ("uvicorn", "uvicorn.error")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": f"telecardio.log_lines.{_LINES[LOG_FORMAT]}"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    # These say a line per request or mail, which a demonstration makes many of.
    "loggers": {name: {"level": "WARNING"} for name in ("httpx", "mail.log")}
    | {name: {"handlers": [], "propagate": True} for name in _SERVERS}
    # Django gives this one a handler of its own.
    | {"django.server": {"handlers": [], "propagate": True}}
    # Requests are the proxy's to log.
    | {"uvicorn.access": {"handlers": [], "propagate": False}},
}

SITE_HOST = urlsplit(SITE_URL).netloc

"""Slow down whoever guesses passwords."""

import hashlib
import logging
import secrets

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

MAX_TRIES = 8
WINDOW_S = 15 * 60

logger = logging.getLogger(__name__)


def _key(request: HttpRequest, email: str) -> str:
    """Name the counter of one address trying one account."""
    # An address alone would lock out a hospital behind one router; an account
    # alone would let a stranger lock a doctor out.
    account = email.strip().lower()
    round_of_tries = cache.get(_round_key(account), 0)
    who = f"{request.META.get('REMOTE_ADDR', '')}|{account}|{round_of_tries}"
    return f"login:{hashlib.sha256(who.encode()).hexdigest()}"


def _round_key(account: str) -> str:
    return f"login-round:{hashlib.sha256(account.encode()).hexdigest()}"


def count_try(request: HttpRequest, email: str) -> bool:
    """Count one try to sign in; tell whether it may go on.

    The try is counted before the password is looked at, so that guesses sent side
    by side do not slip through. Without Redis nobody is locked out.
    """
    try:
        key = _key(request, email)
        cache.add(key, 0, timeout=WINDOW_S)
        return cache.incr(key) <= MAX_TRIES
    except ValueError:
        # The window ended between the two calls.
        return True
    except (RedisError, OSError):
        logger.warning("Sign-in is not throttled: Redis does not answer.")
        return True


def forget_tries(request: HttpRequest, email: str) -> None:
    """Start again at nought, after the right password."""
    try:
        cache.delete(_key(request, email))
    except (RedisError, OSError):
        logger.warning("Sign-in is not throttled: Redis does not answer.")


def forget_account(email: str) -> None:
    """Start again at nought, from wherever: the account has got another password."""
    try:
        # Older counters end no later than this does.
        new_round = secrets.token_hex(4)
        cache.set(_round_key(email.strip().lower()), new_round, timeout=WINDOW_S)
    except (RedisError, OSError):
        logger.warning("Sign-in is not throttled: Redis does not answer.")

"""Exchanges with an OpenAI-compatible server over warm connections that can be cut from another thread.

Every `Link` owns one client with one connection, whose `Wire` it can cut, and is leased to one `Exchange` at a time.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import httpx2
import openai
import tenacity

from voicebot.core.events import Category
from voicebot.remote.watchdog import Watchdog
from voicebot.remote.wire import Wire

Result = TypeVar("Result")

KEEP_ALIVE_S = 600.0
"""An idle connection is kept this long; a call with long silences must not pay for a new one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is. Without an address it is where OPENAI_BASE_URL and OPENAI_API_KEY say."""

    base_url: str = ""
    api_key: str = ""
    connect_s: float = 1.0
    read_s: float = 10.0
    """Bounds each gap on the wire; the exchange's own deadlines are tighter."""
    links: int = 8
    """Connections kept, and so requests at once."""

    @property
    def key(self) -> str:
        """The key to send. The environment's is for the environment's server: no other gets to see it."""
        usual = "" if self.base_url else os.environ.get("OPENAI_API_KEY", "")
        return self.api_key or usual or "none"  # a server of one's own wants none, but the client insists on one


class LinkError(Exception):
    """An exchange failed. `detail` names the kind of error and never holds what was said."""

    def __init__(self, category: Category, permanent: bool, detail: str) -> None:  # noqa: FBT001 - as its field
        super().__init__(detail)
        self.category = category
        self.permanent = permanent


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read the trusted certificates once; it takes 30 ms, and every link would do it again."""
    return httpx2.create_ssl_context()


class Link:
    """One client with one connection."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._wire = Wire()
        timeout = openai.Timeout(connect=endpoint.connect_s, read=endpoint.read_s, write=3.0, pool=1.0)
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S)
        http = openai.DefaultHttpxClient(
            timeout=timeout, limits=limits, verify=_certificates(), event_hooks={"request": [self._wire.follow]}
        )
        self.client = openai.OpenAI(
            base_url=endpoint.base_url or None,
            api_key=endpoint.key,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )

    def warm_up(self) -> None:
        """Open the connection. What the server says to the question is of no interest. Raises LinkError."""
        try:
            self.client.models.with_raw_response.list()
        except openai.APIStatusError:
            return
        except openai.OpenAIError as error:
            raise classify(error) from error

    def lease(self) -> None:
        """Make the link usable for a new exchange."""
        self._wire.lease()

    def cut(self) -> None:
        """Shut the connection down, or the one that is being made. Returns at once; the reader wakes with an error."""
        self._wire.cut()

    def close(self) -> None:
        """Release the connection."""
        self.client.close()


class LinkPool:
    """The links to one endpoint. When all are in use the next exchange is refused, and counted in `refused`."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        # At DEBUG these log whole requests: what callers said, and the key. At INFO a line a request is only noise.
        for library in ("openai", "httpx2", "httpcore2"):
            logging.getLogger(library).setLevel(logging.WARNING)
        self.refused = 0
        self.watchdog = Watchdog(f"{name}-watchdog")
        self._lock = threading.Lock()
        self._links = [Link(endpoint) for _ in range(endpoint.links)]
        self._idle = deque(self._links)

    def warm_up(self) -> None:
        """Open every connection. Raises LinkError."""
        for link in self._links:
            link.warm_up()

    def preload(self, use: Callable[[openai.OpenAI], object]) -> None:
        """Let every client import what `use` touches; they put that off until it is used."""
        for link in self._links:
            use(link.client)

    def take(self) -> Link:
        """Lease the link that was used last, which is the most surely alive. Raises LinkError when all are in use."""
        with self._lock:
            if not self._idle:
                self.refused += 1
                raise LinkError(Category.UNAVAILABLE, permanent=False, detail="all links are in use")
            link = self._idle.pop()
        link.lease()
        return link

    def give_back(self, link: Link) -> None:
        """End a lease."""
        with self._lock:
            self._idle.append(link)

    def close(self) -> None:
        """Cut what is running and release everything."""
        for link in self._links:
            link.cut()
            link.close()
        self.watchdog.close()


_numbers = itertools.count(1)


class Exchange:
    """One request and its streamed response, under deadlines, that `cancel` ends from any thread.

    Entered on the thread that reads. `cancelled` and `timed_out` say afterwards who cut the connection.
    """

    def __init__(self, pool: LinkPool) -> None:
        self.cancelled = False
        self.timed_out = False
        self._pool = pool
        self._key = next(_numbers)
        self._lock = threading.Lock()
        self._link: Link | None = None

    def __enter__(self) -> Self:
        with self._lock:
            self._link = self._pool.take()
            if self.cancelled:
                self._link.cut()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.watchdog.disarm(self._key)
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            self._pool.give_back(link)

    def cancel(self) -> None:
        """Cut the connection. Idempotent, never blocks."""
        with self._lock:
            self.cancelled = True
            self._cut()

    def within(self, seconds: float) -> None:
        """Expect the next useful piece within `seconds`, else the exchange is cut and counts as timed out."""
        self._pool.watchdog.arm(self._key, seconds, self._expire)

    def rest(self) -> None:
        """Expect nothing for now: the reader is busy with what it has."""
        self._pool.watchdog.disarm(self._key)

    def request(self, send: Callable[[openai.OpenAI], Result]) -> Result:
        """Send and return what the client returns; one retry if the connection failed before there was a response.

        The retry lies within the deadline set by `within`, because that deadline cuts whatever is under way.
        Raises openai's errors.
        """
        link = self._link
        if link is None:
            raise RuntimeError("the exchange was not entered")
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(2),
            retry=tenacity.retry_if_exception(self._worth_a_retry),
            reraise=True,
        )
        return attempts(send, link.client)

    def check(self) -> None:
        """Raise LinkError if the connection was cut, by whomever."""
        if self.cancelled or self.timed_out:
            raise LinkError(Category.TIMEOUT, permanent=False, detail="the connection was cut")

    def failure(self, error: Exception) -> LinkError:
        """Classify an error that ended the exchange."""
        if self.timed_out:
            return LinkError(Category.TIMEOUT, permanent=False, detail="nothing useful came within the deadline")
        return classify(error)

    def _worth_a_retry(self, error: BaseException) -> bool:
        broken = isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)
        return broken and not self.cancelled and not self.timed_out

    def _expire(self) -> None:
        with self._lock:
            self.timed_out = True
            self._cut()

    def _cut(self) -> None:
        if self._link is not None:
            self._link.cut()


ExchangeError = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, ValueError, LookupError, TypeError)
"""What reading a response may raise; the last three come from bodies that are not what the dialect promises."""


def classify(error: Exception) -> LinkError:
    """Turn an error of the client into a category. Client errors (4xx) are permanent: the same request fails again."""
    if isinstance(error, LinkError):
        return error
    detail = type(error).__name__
    permanent = False
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            category = Category.TIMEOUT
        case openai.RateLimitError():
            category = Category.RATE_LIMITED
            permanent = error.code == "insufficient_quota"
        case openai.APIResponseValidationError():
            category = Category.GARBAGE
        case openai.APIStatusError(status_code=status) if status < httpx2.codes.INTERNAL_SERVER_ERROR:
            category, permanent, detail = Category.REJECTED, True, f"{detail} {status}"
        case openai.OpenAIError() | httpx2.HTTPError() | httpx2.StreamError():
            category = Category.UNAVAILABLE
        case _:
            category = Category.GARBAGE
    return LinkError(category, permanent=permanent, detail=detail)

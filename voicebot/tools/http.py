"""Connectors over HTTP: one request an attempt, read within bounds, cut when its time is up.

A client's read timeout bounds each gap on the wire, not the whole; so every request has a connection of its own client,
and the run that it belongs to cuts that. Nothing is repeated here, no redirect is followed and no proxy is asked.
"""

from __future__ import annotations

import functools
import json
import ssl
import threading
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from voicebot.core.events import Category
from voicebot.dialplan.connectors import HttpPart
from voicebot.dialplan.policy import resolve
from voicebot.remote.wire import Wire
from voicebot.tools.contract import Arguments, ConnectorError, Cuttable, Result, ToolContext
from voicebot.tools.shaping import Shape, filled_body, filled_url

MAX_BODY_BYTES: Final = 256 * 1024
"""An answer that is longer is garbage."""
KEEP_ALIVE_S: Final = 30.0
IDEMPOTENCY_KEY: Final = "Idempotency-Key"

_BUSY: Final = frozenset({httpx2.codes.TOO_MANY_REQUESTS, httpx2.codes.TOO_EARLY})
_DOWN: Final = frozenset({httpx2.codes.REQUEST_TIMEOUT})


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read the trusted certificates once; it takes 30 ms."""
    return httpx2.create_ssl_context()


class _Line:
    """A client with one connection."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.client = httpx2.Client(
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S),
            verify=_certificates(),
            event_hooks={"request": [self.wire.follow]},
            follow_redirects=False,
            trust_env=False,
        )


class HttpConnector:
    """One kind of request."""

    def __init__(self, part: HttpPart) -> None:
        self._part = part
        self._shape = Shape(part.result)
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._idle: deque[_Line] = deque()

    def call(self, arguments: Arguments, context: ToolContext, run: Cuttable) -> Result:
        """Send the request and shape the answer. Raises ConnectorError and SecretMissingError."""
        line = self._take()
        try:
            run.on_cut(line.wire.cut)
            return self._exchange(line.client, arguments, context)
        finally:
            run.on_cut(_nothing)  # before somebody else gets the line
            with self._lock:
                self._idle.append(line)

    def close(self) -> None:
        """Cut what is running."""
        for line in self._lines:
            line.wire.cut()
            line.client.close()

    def _take(self) -> _Line:
        """Lease the line that was used last; there are as many as there are calls at a time."""
        with self._lock:
            if not self._idle:
                self._lines.append(_Line())
                self._idle.append(self._lines[-1])
            line = self._idle.pop()
        line.wire.lease()
        return line

    def _exchange(self, client: httpx2.Client, arguments: Arguments, context: ToolContext) -> Result:
        part = self._part
        headers = {name: resolve(value) for name, value in part.headers.items()}
        headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}
        if part.method != "GET":
            headers[IDEMPOTENCY_KEY] = context.key
        body = None if part.body is None else filled_body(part.body, arguments)
        url = filled_url(part.url, arguments)
        try:
            request = client.build_request(
                part.method, url, headers=headers, json=body, timeout=max(0.001, context.seconds_left)
            )
            response = client.send(request, stream=True)
            try:
                return self._result(response)
            finally:
                response.close()
        except httpx2.TimeoutException as error:
            raise ConnectorError(Category.TIMEOUT, permanent=False, detail=type(error).__name__) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ConnectorError(Category.REJECTED, permanent=True, detail=type(error).__name__) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise ConnectorError(Category.UNAVAILABLE, permanent=False, detail=type(error).__name__) from error

    def _result(self, response: httpx2.Response) -> Result:
        status = response.status_code
        outcome = self._part.outcomes.get(str(status))
        if outcome is not None:
            return {"outcome": outcome}
        if not response.is_success:
            raise _refusal(response)
        return self._shape.of(_json(_read(response)))


def _nothing() -> None:
    """There is nothing to cut any more."""


def _read(response: httpx2.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise ConnectorError(Category.GARBAGE, permanent=True, detail="the answer is too long")
        chunks.append(chunk)
    return b"".join(chunks)


def _json(body: bytes) -> object:
    try:
        answer: object = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ConnectorError(Category.GARBAGE, permanent=False, detail="the answer is not JSON") from error
    return answer


def _refusal(response: httpx2.Response) -> ConnectorError:
    """Return what a status means that is no answer."""
    status = response.status_code
    wait_ms = _retry_after_ms(response.headers.get("Retry-After", ""))
    if status in _BUSY:
        return ConnectorError(Category.RATE_LIMITED, permanent=False, detail=f"{status}", retry_after_ms=wait_ms)
    if status in _DOWN or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return ConnectorError(Category.UNAVAILABLE, permanent=False, detail=f"{status}", retry_after_ms=wait_ms)
    return ConnectorError(Category.REJECTED, permanent=True, detail=f"{status}")


def _retry_after_ms(text: str) -> int:
    """Read Retry-After (RFC 9110, 10.2.3): seconds, or a date; 0 when there is none."""
    if text.strip().isdecimal():
        return int(text) * 1000
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0, round((when - datetime.now(UTC)).total_seconds() * 1000))

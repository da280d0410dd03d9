"""A Toolbox that asks the cache first.

Kept are results of connectors without side effect whose dialplan says so, and of these only those whose `outcome` it
lists: never a failure, and never a fallback, which the core puts in place of one. The subject of an entry is all that a
result depends on: the tenant, the connector as it is defined and configured at the moment, the arguments, the caller
where the result is the caller's, and the day at the business.

Arguments come here with the call's secret values in place. What redaction takes for a card, a security code, a PIN or a
password is never kept, whatever the dialplan says, and a phone number or an address makes an entry personal.

A connector that changes something may name others whose results it makes untrue. Those are done without while it runs,
and for a while after a call whose end is not known, since it may yet take effect.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from voicebot.cache.caches import Caches
from voicebot.cache.shelf import Kind, Outcome, Shelf, Store
from voicebot.core.commands import CallTool
from voicebot.core.events import ToolReturned
from voicebot.dialplan.connectors import ConnectorPart
from voicebot.dialplan.policy import Policy, SecretMissingError, resolve
from voicebot.safety.redaction import sensitive
from voicebot.tools.protocol import Toolbox, ToolResult, ToolRun

DOUBT_S: Final = 60.0
"""How long the results that a call may have made untrue are done without when its end is not known."""

MARGIN_S: Final = 1.0
"""Beyond the deadline of a call with side effects."""

ANONYMOUS: Final = frozenset({"", "anonymous", "private", "restricted", "unavailable", "unknown"})
"""User parts of callers who did not say who they are (RFC 3323 and habits): nothing can be kept for one of them."""

_VERSION: Final = importlib.metadata.version("voicebot-telephony")
"""A connector may be told apart by its code only."""

NEVER: Final = frozenset({"CARD", "CVV", "PASSWORD", "PIN", "SSN"})
"""What redaction finds and no cache may hold."""


class KeptResults:
    """The connectors of one dialplan, for one caller; without a caller nothing that is a caller's is kept."""

    def __init__(
        self,
        toolbox: Toolbox,
        policy: Policy,
        caches: Caches,
        caller: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock` returns the time at the business."""
        zone = policy.dialplan.zone
        self._toolbox = toolbox
        self._policy = policy
        self._caches = caches
        self._caller = caller
        self._clock = clock or (lambda: datetime.now(zone))

    def for_caller(self, user: str, uri: str) -> KeptResults:
        """Return the same connectors for one caller, told by the user part and the whole of a SIP URI."""
        caller = "" if user.casefold() in ANONYMOUS else uri
        return KeptResults(self._toolbox, self._policy, self._caches, caller, self._clock)

    def start(self, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]) -> ToolRun:
        """Post what is kept, or begin an attempt and keep what it returns."""
        part = self._policy.dialplan.connectors.get(request.name)
        if part is None:
            return self._toolbox.start(request, seconds_left, post)
        if part.cache.invalidates:
            return self._changing(part, request, seconds_left, post)
        looking = self._looking(part, request)
        if looking is None:
            return self._toolbox.start(request, seconds_left, post)
        store, subject = looking
        shelf = self._shelf(request.name)
        look = store.look(shelf, subject)
        if look.value is not None:
            post(ToolReturned(request.call, look.value.decode()))
            return AnsweredRun()

        def keep(result: ToolResult) -> None:
            if isinstance(result, ToolReturned):
                if self._keepable(part, result.result):
                    store.put(shelf, subject, result.result.encode(), part.cache.ttl_s, look.edition)
                else:
                    self._refused()
            post(result)

        return self._toolbox.start(request, seconds_left, keep)

    def close(self) -> None:
        """Release threads and connections."""
        self._toolbox.close()

    def _changing(
        self, part: ConnectorPart, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]
    ) -> ToolRun:
        shelves = [self._shelf(name) for name in part.cache.invalidates]
        for shelf in shelves:
            self._caches.close_shelf(shelf, max(0.0, seconds_left) + MARGIN_S)

        def drop(result: ToolResult) -> None:
            for shelf in shelves:
                if isinstance(result, ToolReturned):
                    self._caches.renew(shelf)
                else:
                    self._caches.close_shelf(shelf, DOUBT_S)
            post(result)

        return self._toolbox.start(request, seconds_left, drop)

    def _looking(self, part: ConnectorPart, request: CallTool) -> tuple[Store, bytes] | None:
        """Return where to look and for what; None when the result may not be kept."""
        cache = part.cache
        if not cache.ttl_s or cache.sensitivity == "secret" or part.changes_something:
            return None
        if cache.scope == "caller" and not self._caller:
            return None
        try:
            arguments = _canonical(request.arguments)
            definition = resolve(part.model_dump_json())
        except (ValueError, SecretMissingError):
            return None
        kinds = self._kinds(arguments)
        if kinds & NEVER:
            self._refused()
            return None
        today = self._clock().date().isoformat()
        caller = self._caller if cache.scope == "caller" else ""
        about = (_VERSION, self._policy.dialplan.tenant, request.name, definition, caller, today, arguments)
        personal = cache.sensitivity == "personal" or cache.scope == "caller" or bool(kinds)
        return self._caches.store(Kind.CONNECTORS, personal=personal), json.dumps(about).encode()

    def _keepable(self, part: ConnectorPart, text: str) -> bool:
        """Whether a result is a good one, of a kind that may be kept as its connector's are."""
        try:
            result = json.loads(text)
        except ValueError:
            return False
        if not isinstance(result, dict) or "error" in result:
            return False
        outcome = result.get("outcome", "default")
        kinds = self._kinds(text)
        fits = not kinds & NEVER and not (kinds and part.cache.sensitivity == "public")
        return fits and outcome in part.cache.outcomes

    def _kinds(self, text: str) -> frozenset[str]:
        """Return the kinds of sensitive values in a JSON text; the name of a value tells what it is."""
        lengths = self._policy.number_lengths
        return frozenset(one.kind for said in _spelled(json.loads(text)) for one in sensitive(said, "", lengths))

    def _shelf(self, connector: str) -> Shelf:
        return Shelf(Kind.CONNECTORS, self._policy.dialplan.tenant, connector)

    def _refused(self) -> None:
        self._caches.tally.count(Kind.CONNECTORS, self._policy.dialplan.tenant, Outcome.REFUSED)


class AnsweredRun:
    """A call that was over before it began."""

    def cancel(self) -> None:
        """Change nothing."""


def _canonical(arguments: str) -> str:
    """Write a JSON object the one way. Raises ValueError for anything else, and for a name that stands twice."""
    found = json.loads(arguments, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what json.loads raises for other texts
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _spelled(value: object, name: str = "") -> Iterator[str]:
    """Yield each scalar as somebody might say it: `pin 1234` for `{"pin": "1234"}`."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from _spelled(inner, str(key).replace("_", " "))
        case list():
            for inner in value:
                yield from _spelled(inner, name)
        case str() | int() | float():
            yield f"{name} {value}"
        case _:
            return

"""Results of connectors: which are kept, for whom, and what makes them untrue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.caches.clocks import SteppedClocks
from voicebot.cache.caches import CachePlace, Caches
from voicebot.cache.shelf import Kind, Outcome
from voicebot.core.commands import CallTool
from voicebot.core.events import Category, ToolFailed, ToolReturned
from voicebot.core.policy import SideEffect
from voicebot.dialplan.connectors import CachePart, ConnectorPart
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.policy import Policy
from voicebot.testing.redis_server import RedisServer
from voicebot.tools.kept_results import DOUBT_S, AnsweredRun, KeptResults
from voicebot.tools.protocol import ToolResult

ZONE: Final = ZoneInfo("America/New_York")
NOON: Final = datetime(2026, 11, 24, 12, tzinfo=ZONE)
ALICE: Final = ("+15550100001", "sip:+15550100001@example.com")
BOB: Final = ("+15550100002", "sip:+15550100002@example.com")
PERSONAL: Final = CachePart(ttl_s=60, sensitivity="personal", outcomes=("shipped", "default"))
PUBLIC: Final = CachePart(ttl_s=60, scope="tenant", sensitivity="public", outcomes=("shipped", "default"))


@dataclass
class Connectors:
    """The connectors behind the cache: each call is counted and gets the next result, or one that tells its number."""

    calls: list[CallTool] = field(default_factory=list)
    results: list[str | Category] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    slow: bool = False

    def start(self, request: CallTool, _seconds_left: float, post: Callable[[ToolResult], None]) -> AnsweredRun:
        self.calls.append(request)
        given = self.results.pop(0) if self.results else json.dumps({"outcome": "shipped", "call": len(self.calls)})
        if isinstance(given, Category):
            result: ToolResult = ToolFailed(request.call, given, permanent=False)
        else:
            result = ToolReturned(request.call, given)
        if self.slow:
            self.waiting.append(lambda: post(result))
        else:
            post(result)
        return AnsweredRun()

    def close(self) -> None:
        """Nothing is held."""


def policy(tenant: str = "shop", settings: Mapping[str, str] | None = None, **caches: CachePart) -> Policy:
    connectors = {
        name: ConnectorPart(
            entry="json:loads",
            settings=settings or {},
            cache=cache,
            side_effect=SideEffect.REVERSIBLE if cache.invalidates else SideEffect.NONE,
            confirm="Shall I?" if cache.invalidates else "",
        )
        for name, cache in caches.items()
    }
    plan = Dialplan(version=1, name="t", tenant=tenant, time_zone=ZONE.key, connectors=connectors)
    return Policy.of(plan)


class Bench:
    """One worker's connectors and caches, asked by callers."""

    def __init__(self, plan: Policy, caches: Caches | None = None, behind: Connectors | None = None) -> None:
        self.clocks = SteppedClocks()
        self.behind = behind or Connectors()
        self.caches = caches or Caches(clocks=self.clocks.clocks)
        self.now = NOON
        self.kept = KeptResults(self.behind, plan, self.caches, clock=lambda: self.now)
        self._posted: list[ToolResult] = []

    def ask(
        self,
        name: str = "order",
        arguments: Mapping[str, object] | str = '{"number":"48213"}',
        caller: tuple[str, str] = ALICE,
    ) -> ToolResult | None:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        self._posted.clear()
        self.kept.for_caller(*caller).start(CallTool(7, name, text, "key", 0), 3.0, self._posted.append)
        return self._posted[0] if self._posted else None

    @property
    def asked(self) -> int:
        return len(self.behind.calls)


def test_a_result_is_kept_for_the_same_caller() -> None:
    bench = Bench(policy(order=PERSONAL))
    first = bench.ask()
    assert bench.ask() == first == ToolReturned(7, '{"outcome": "shipped", "call": 1}')
    assert bench.asked == 1


def test_the_order_and_the_spacing_of_arguments_do_not_matter() -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask(arguments='{"a": "1", "b": 2}')
    bench.ask(arguments='{"b":2,"a":"1"}')
    assert bench.asked == 1


@pytest.mark.parametrize(
    ("arguments", "caller"),
    [
        ('{"number":"48214"}', ALICE),
        ('{"number":48213}', ALICE),
        ('{"number":"48213 "}', ALICE),
        ('{"order":"48213"}', ALICE),
        ('{"number":"48213","extra":null}', ALICE),
        ('{"number":["48213"]}', ALICE),
        ("{}", ALICE),
        ('{"number":"48213"}', BOB),
        ('{"number":"48213"}', (ALICE[0], "sip:+15550100001@elsewhere.example")),
    ],
)
def test_anything_else_is_asked_anew(arguments: str, caller: tuple[str, str]) -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask()
    bench.ask(arguments=arguments, caller=caller)
    assert bench.asked == 2


def test_what_is_everybodys_is_kept_for_every_caller() -> None:
    bench = Bench(policy(order=PUBLIC))
    bench.ask()
    bench.ask(caller=BOB)
    bench.ask(caller=("anonymous", "sip:anonymous@anonymous.invalid"))
    assert bench.asked == 1


@pytest.mark.parametrize("user", ["anonymous", "Anonymous", "", "unknown", "restricted"])
def test_nothing_of_a_nameless_caller_is_kept(user: str) -> None:
    bench = Bench(policy(order=PERSONAL))
    for _ in range(2):
        bench.ask(caller=(user, f"sip:{user}@gateway.example"))
    assert bench.asked == 2
    assert bench.caches.rows() == ()


def test_tenants_share_nothing() -> None:
    caches, behind = Caches(), Connectors()
    for tenant in ("shop", "shop-two"):
        Bench(policy(tenant, order=PUBLIC), caches, behind).ask()
    assert len(behind.calls) == 2


def test_another_definition_of_a_connector_is_another_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    caches, behind = Caches(), Connectors()
    monkeypatch.setenv("ORDERS_URL", "http://a.example")
    settings = {"url": "${ORDERS_URL}"}
    for plan in (policy(order=PUBLIC), policy(settings=settings, order=PUBLIC)):
        Bench(plan, caches, behind).ask()
    monkeypatch.setenv("ORDERS_URL", "http://b.example")
    Bench(policy(settings=settings, order=PUBLIC), caches, behind).ask()
    assert len(behind.calls) == 3
    monkeypatch.delenv("ORDERS_URL")
    Bench(policy(settings=settings, order=PUBLIC), caches, behind).ask()
    assert len(behind.calls) == 4


def test_a_result_does_not_outlive_its_time_or_the_day() -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask()
    bench.clocks.step(60)
    bench.ask()
    assert bench.asked == 2
    bench.now = NOON.replace(day=25, hour=0)
    bench.ask()
    assert bench.asked == 3


@pytest.mark.parametrize(
    "result",
    [
        '{"outcome":"unavailable"}',
        '{"outcome":"not_found"}',
        '{"outcome":["shipped"]}',
        '{"error":"timeout"}',
        '{"outcome":"shipped","error":"late"}',
        "[]",
        "not JSON",
        '{"outcome":"shipped","card":"4111 1111 1111 1111"}',
        '{"outcome":"shipped","pin":"1234"}',
        '{"outcome":"shipped","items":[{"cvv":"123"}]}',
        '{"outcome":"shipped","text":"the password is hunter2"}',
    ],
)
def test_what_is_not_good_or_never_to_be_kept_is_not_kept(result: str) -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.behind.results = [result]
    assert bench.ask() == ToolReturned(7, result)
    bench.ask()
    assert bench.asked == 2


@pytest.mark.parametrize("category", list(Category))
def test_failures_are_not_kept(category: Category) -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.behind.results = [category]
    assert isinstance(bench.ask(), ToolFailed)
    assert isinstance(bench.ask(), ToolReturned)


@pytest.mark.parametrize(
    "arguments",
    [
        {"card": "4111111111111111"},
        {"card_number": "4111111"},
        {"pin": "1234"},
        {"security_code": "123"},
        {"note": "my password is hunter2"},
        {"deep": [{"ssn": "123456789"}]},
    ],
)
def test_a_secret_in_the_arguments_is_never_kept(arguments: Mapping[str, object]) -> None:
    bench = Bench(policy(order=PUBLIC))
    for _ in range(2):
        bench.ask(arguments=arguments)
    assert bench.asked == 2
    assert bench.caches.rows()[0].counts == {Outcome.REFUSED: 2}


def test_what_is_called_public_and_holds_a_phone_number_is_not_kept() -> None:
    bench = Bench(policy(order=PUBLIC))
    bench.behind.results = ['{"outcome":"shipped","phone":"555 010 0123"}']
    bench.ask()
    bench.ask()
    assert bench.asked == 2


@pytest.mark.parametrize(
    "cache",
    [
        CachePart(),
        PERSONAL.model_copy(update={"sensitivity": "secret"}),
        PERSONAL.model_copy(update={"ttl_s": 0}),
        PERSONAL.model_copy(update={"outcomes": ()}),
    ],
)
def test_without_permission_nothing_is_kept(cache: CachePart) -> None:
    bench = Bench(policy(order=cache))
    bench.ask()
    bench.ask()
    assert bench.asked == 2


def test_a_connector_with_side_effects_is_always_called() -> None:
    plan = policy(order=PERSONAL)
    changing = plan.dialplan.connectors["order"].model_copy(
        update={"side_effect": SideEffect.IRREVERSIBLE, "confirm": "Shall I?"}
    )
    bench = Bench(Policy.of(plan.dialplan.model_copy(update={"connectors": {"order": changing}})))
    bench.ask()
    bench.ask()
    assert bench.asked == 2


@pytest.mark.parametrize("arguments", ["", "[]", "not JSON", '{"a":1,"a":2}', '{"a":NaN}'])
def test_arguments_that_can_be_read_in_two_ways_are_not_kept(arguments: str) -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask(arguments=arguments)
    bench.ask(arguments=arguments)
    assert bench.asked == 2


def test_an_unknown_connector_is_the_toolboxs_affair() -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask("other")
    assert bench.behind.calls[0].name == "other"
    bench.kept.close()


class TestInvalidation:
    """A connector that changes something drops what it makes untrue."""

    PLAN: Final = policy(order=PERSONAL, stock=PUBLIC, book=CachePart(invalidates=("order",)))

    def test_a_change_drops_what_it_names_and_nothing_else(self) -> None:
        bench = Bench(self.PLAN)
        for name in ("order", "stock"):
            bench.ask(name)
        bench.ask("book")
        bench.clocks.step(5)
        asked = bench.asked
        bench.ask("order")
        bench.ask("stock")
        assert [call.name for call in bench.behind.calls[asked:]] == ["order"]

    def test_it_drops_what_other_callers_asked_for_as_well(self) -> None:
        bench = Bench(self.PLAN)
        bench.ask(caller=BOB)
        bench.ask("book", caller=ALICE)
        bench.clocks.step(5)
        bench.ask(caller=BOB)
        assert [call.name for call in bench.behind.calls] == ["order", "book", "order"]

    def test_what_was_asked_before_the_change_and_comes_after_it_is_not_kept(self) -> None:
        bench = Bench(self.PLAN)
        bench.behind.slow = True
        bench.ask()
        bench.ask("book")
        bench.behind.waiting[1]()
        bench.behind.waiting[0]()
        bench.behind.slow = False
        bench.clocks.step(5)
        bench.ask()
        assert bench.asked == 3

    def test_nothing_is_kept_while_a_change_is_under_way(self) -> None:
        bench = Bench(self.PLAN)
        bench.ask()
        bench.behind.slow = True
        bench.ask("book")
        bench.behind.slow = False
        for _ in range(2):
            bench.ask()
        assert bench.asked == 4

    def test_a_change_whose_end_is_not_known_may_yet_come(self) -> None:
        bench = Bench(self.PLAN)
        bench.behind.results = [Category.TIMEOUT]
        bench.ask("book")
        bench.clocks.step(DOUBT_S - 1)
        for _ in range(2):
            bench.ask()
        assert bench.asked == 3
        bench.clocks.step(1)
        for _ in range(2):
            bench.ask()
        assert bench.asked == 4


class TestWhere:
    """What leaves the process, and how."""

    def rows(self, server: RedisServer, cache: CachePart, secret: str) -> int:
        """Return how many entries of two workers that share a server are found by the other one."""
        caches = [Caches(CachePlace(server.url, secret, deadline_s=2.0)) for _ in range(2)]
        behind = Connectors()
        for one in caches:
            bench = Bench(policy(order=cache), one, behind)
            bench.ask(arguments={"phone": "555 010 0123"} if cache.scope == "tenant" else {"number": "48213"})
            shared = one._shared
            assert shared is not None
            for _ in range(8):
                shared._free.acquire()
            shared._free.release(8)
        for one in caches:
            one.close()
        return 2 - len(behind.calls)

    def test_what_is_personal_is_shared_with_a_key_only(self, redis_server: RedisServer) -> None:
        assert self.rows(redis_server, PERSONAL, "") == 0
        assert self.rows(redis_server, PERSONAL, "x" * 32) == 1

    def test_what_is_about_a_phone_number_is_shared_with_a_key_only(self, redis_server: RedisServer) -> None:
        assert self.rows(redis_server, PUBLIC, "") == 0
        assert self.rows(redis_server, PUBLIC, "x" * 32) == 1


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab01 ", max_size=3))
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "number"]), SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
WHERE = st.tuples(
    st.sampled_from(["shop", "shop2"]), st.sampled_from([ALICE, BOB]), st.sampled_from(["order", "stock"])
)


@settings(deadline=None)
@given(st.lists(st.tuples(WHERE, OBJECTS, st.integers(0, 1)), max_size=12))
def test_a_hit_is_always_what_the_connector_said_to_that_very_question(
    questions: list[tuple[tuple[str, tuple[str, str], str], dict[str, object], int]],
) -> None:
    """The connectors answer with all that they were asked, so that any mix-up shows."""
    caches = Caches()
    said: dict[str, object] = {}

    class Echo(Connectors):
        def start(self, request: CallTool, seconds_left: float, post: Callable[[ToolResult], None]) -> AnsweredRun:
            self.results = [json.dumps({"outcome": "shipped", "about": said["now"]})]
            return super().start(request, seconds_left, post)

    behind = Echo()
    for (tenant, caller, name), arguments, day in questions:
        bench = Bench(policy(tenant, order=PERSONAL, stock=PERSONAL), caches, behind)
        bench.now = NOON.replace(day=24 + day)
        said["now"] = [tenant, caller, name, json.dumps(arguments, sort_keys=True), day]
        result = bench.ask(name, arguments, caller)
        assert isinstance(result, ToolReturned)
        assert json.loads(result.result)["about"] == json.loads(json.dumps(said["now"]))
    distinct = {json.dumps([where, arguments, day], sort_keys=True) for where, arguments, day in questions}
    assert len(behind.calls) == len(distinct)


def test_sizes_are_told_by_kind_and_tenant() -> None:
    bench = Bench(policy(order=PERSONAL))
    bench.ask()
    bench.ask()
    (row,) = bench.caches.rows()
    assert (row.kind, row.tenant, row.entries) == (Kind.CONNECTORS, "shop", 1)
    assert row.counts == {Outcome.MISS: 1, Outcome.STORED: 1, Outcome.HIT: 1}
    assert bench.caches.clear(Kind.CONNECTORS, "another") == 0
    assert bench.caches.clear(Kind.CONNECTORS, "shop") == 1

"""A brain whose every sentence has passed the fact gate: a wrapper round one that invents.

A sentence is judged whole. Its beginning may be spoken as soon as it comes if it states nothing; what states something
waits for the rest, because the rest may deny it. Results of connectors are evidence for the whole call: the wrapper
keeps the newest in the memory that travels through the core, beside the wrapped brain's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from voicebot.brain.protocol import Brain, BrainResult, BrainRun
from voicebot.core.commands import StartBrain
from voicebot.core.events import BrainClause, BrainFinished, BrainOutcome, BrainToolWanted, EngineFailed
from voicebot.safety.fact_evidence import DialplanFacts, Record
from voicebot.safety.fact_gate import FactGate, Situation

KEPT_RESULTS: Final = 12
"""Results of connectors that stay evidence; older ones are forgotten."""
KEPT_CHARACTERS: Final = 16_000
"""Of results and arguments together."""

_SENTENCE_ENDS: Final = ".!?\u2026"
_CLOSERS: Final = "\"'\u201d\u2019)]\u00bb"

Asked = tuple[str, str]
"""A connector's name and its arguments."""


class GatedBrain:
    """Says of another brain's clauses those that have evidence, in whole sentences."""

    def __init__(
        self, brain: Brain, facts: DialplanFacts, unsupported: str, clock: Callable[[], datetime] | None = None
    ) -> None:
        """Take the brain, the dialplan's facts, what is said when nothing else is left, and for tests a clock."""
        self.name = brain.name
        self._brain = brain
        self._facts = facts
        self._gate = FactGate(facts)
        self._unsupported = unsupported
        self._clock = clock or facts.now

    def warm_up(self) -> None:
        """Warm the brain."""
        self._brain.warm_up()

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Begin a run of the brain behind the gate."""
        inner, records, asked = _recall(request.memory)
        fresh = _results(request, asked, self._facts)
        records = tuple(replace(each, fresh=each.turn == request.turn) for each in records)
        looked_up = tuple(Record(name, "{}", result, fresh=False) for name, result in request.known)
        known = Situation(
            request.text,
            self._clock(),
            earlier=tuple(line.text for line in request.history if line.speaker == "caller"),
            heard=tuple(line.text for line in request.history if line.speaker == "bot"),
            records=(*looked_up, *records, *fresh),
        )
        run = _GatedRun(self._gate, known, request, post, self._unsupported)
        run.keep((*records, *fresh), ())
        return self._brain.start(replace(request, memory=inner), run.take)

    def close(self) -> None:
        """Close the brain."""
        self._brain.close()


class _GatedRun:
    """What comes of one run. Called on one thread, the brain's."""

    def __init__(
        self,
        gate: FactGate,
        known: Situation,
        request: StartBrain,
        post: Callable[[BrainResult], None],
        unsupported: str,
    ) -> None:
        self._gate = gate
        self._known = known
        self._request = request
        self._post = post
        self._unsupported = unsupported
        self._records: tuple[Record, ...] = ()
        self._asked: tuple[Asked, ...] = ()
        self._spoken = ""
        """What of the sentence that is being said has been spoken already."""
        self._waiting: list[str] = []
        """What of it waits for its end."""
        self._count = 0
        self._withheld: list[str] = []
        self._owes = False
        """Whether a sentence was withheld and nothing with evidence has been said."""

    def keep(self, records: tuple[Record, ...], asked: tuple[Asked, ...]) -> None:
        """Set what goes into the memory."""
        self._records, self._asked = records, asked

    def take(self, result: BrainResult) -> None:
        """Take what the brain posts."""
        match result:
            case BrainClause():
                self._clause(result.text)
            case BrainToolWanted():
                self._asked += ((result.name, result.arguments),)
                self._post(result)
            case BrainFinished():
                self._finished(result)
            case EngineFailed():
                self._post(result)

    def _clause(self, text: str) -> None:
        ends = text.rstrip().rstrip(_CLOSERS)[-1:] in _SENTENCE_ENDS
        if not ends and not self._waiting and not self._gate.states(f"{self._spoken} {text}"):
            self._say(text, ())
            self._spoken = f"{self._spoken} {text}".strip()
            return
        self._waiting.append(text)
        if ends:
            self._judge()

    def _judge(self) -> None:
        """Judge the sentence that is complete, and speak what waits of it or nothing."""
        sentence = " ".join((self._spoken, *self._waiting)).strip()
        waiting, self._waiting, self._spoken = self._waiting, [], ""
        verdict = self._gate.judge(sentence, self._known)
        if verdict.reason:
            self._withheld.append(f"{verdict.reason} | {sentence}")
            self._owes = self._owes or not self._stated
            return
        if verdict.evidence:
            self._owes = False
        self._settle()
        for text in waiting:
            self._say(text, verdict.evidence)
        said = f"{self._known.said} {sentence}".strip()
        self._known = replace(self._known, said=said)

    _stated = False

    def _say(self, text: str, evidence: tuple[str, ...]) -> None:
        self._stated = self._stated or bool(evidence)
        self._post(BrainClause(self._request.attempt, self._count, text, evidence))
        self._count += 1

    def _settle(self) -> None:
        """Say that something is not known, where the sentence stood that was withheld."""
        if self._owes:
            self._owes = False
            self._say(self._unsupported, ("dialplan:phrases.unsupported",))

    def _finished(self, event: BrainFinished) -> None:
        if self._waiting:
            self._judge()
        outcome = event.outcome
        if outcome in {BrainOutcome.ANSWERED, BrainOutcome.NO_MATCH}:
            self._settle()
        if outcome is BrainOutcome.NO_MATCH and self._withheld:
            outcome = BrainOutcome.ANSWERED
        memory = _remember(event.memory, self._records, self._asked)
        self._post(replace(event, outcome=outcome, memory=memory, withheld=tuple(self._withheld)))


def _results(request: StartBrain, asked: tuple[Asked, ...], facts: DialplanFacts) -> tuple[Record, ...]:
    """Put the results of the turn to the calls that asked for them, in the order of the calls."""
    rows = []
    for index, (name, result) in enumerate(request.results):
        called, arguments = asked[index] if index < len(asked) else ("", "{}")
        rows.append(
            Record(name, arguments if called == name else "{}", result, acts=name in facts.acts, turn=request.turn)
        )
    return tuple(rows)


def _remember(inner: str, records: tuple[Record, ...], asked: tuple[Asked, ...]) -> str:
    if not records and not asked:
        return inner
    kept: list[Record] = []
    size = 0
    for record in reversed(records[-KEPT_RESULTS:]):
        size += len(record.result) + len(record.arguments)
        if size > KEPT_CHARACTERS:
            break
        kept.insert(0, record)
    rows = [[r.name, r.arguments, r.result, r.acts, r.turn] for r in kept]
    return json.dumps({"gate": 1, "results": rows, "asked": asked, "memory": inner}, separators=(",", ":"))


def _recall(memory: str) -> tuple[str, tuple[Record, ...], tuple[Asked, ...]]:
    """Read what `_remember` wrote; anything else is the wrapped brain's own."""
    try:
        read = json.loads(memory) if memory else None
        if not isinstance(read, dict) or read.get("gate") != 1:
            return memory, (), ()
        records = tuple(
            Record(str(n), str(a), str(r), bool(acts), turn=int(turn)) for n, a, r, acts, turn in read["results"]
        )
        return str(read["memory"]), records, tuple((str(n), str(a)) for n, a in read["asked"])
    except (ValueError, KeyError, TypeError):
        return memory, (), ()

"""A Brain that answers a general question again without asking the brain behind it.

What is kept is an answer to the first question of a call, in general terms, that an intent marked `repeatable` stands
for, and that rests on the dialplan alone: every clause has evidence, all of it `dialplan:`. So nothing that a connector
returned, that the caller said, or that nobody can vouch for is ever said to somebody else. An answer of which a clause
was dropped on the way, by whoever checks facts, is not kept either: its end says so, or its clauses are not numbered
through.

It is given again to the same question (`same_question`), on the same day at the business, under the same policy and
model, and no longer than the business stays open or closed: until then `until six` and `we open at ten` are true.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.brain.playbook.sentences import sentence_vector
from voicebot.brain.protocol import Brain, BrainResult, BrainRun
from voicebot.brain.same_question import Gist, gist, speaks_of_self
from voicebot.cache.caches import Caches
from voicebot.cache.shelf import Kind, Outcome, Shelf
from voicebot.core.commands import StartBrain
from voicebot.core.events import BrainClause, BrainFinished, BrainOutcome
from voicebot.dialplan.hours import BusinessHours
from voicebot.dialplan.policy import Policy

ALIKE: Final = 0.55
"""Least cosine of two questions that agree in everything that is compared word by word. Ways to ask one thing come down
to 0.60; it guards against what the rules let differ."""

MOST_CLAUSES: Final = 12

_SAYS: Final = re.compile(r"dialplan:(?!phrases\b).+")
"""What the dialplan knows. Its phrases are what is said when nothing is known."""

_MOMENT: Final = re.compile(
    r"\b(?:now|currently|at the moment|at present|still|already|yet|just|soon|ago|in (?:about |less than |under )?\S+ "
    r"(?:more )?(?:minutes?|hours?|seconds?)|in (?:half )?an hour|for another|(?:minutes?|hours?) (?:left|from now))\b",
    re.IGNORECASE,
)
"""What may be untrue a minute later."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question whose answer may be kept, and under what."""

    text: str
    gist: Gist
    began: datetime
    subject: bytes
    edition: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """One answer in the store. `until`: ISO 8601, from when it may be untrue."""

    intent: str
    vector: str
    until: str
    clauses: tuple[tuple[str, tuple[str, ...]], ...]


class KeptAnswers:
    """One brain of one dialplan. `clock` returns the time at the business."""

    def __init__(
        self,
        brain: Brain,
        policy: Policy,
        caches: Caches,
        identity: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`identity` tells brains of one dialplan apart: an answer is kept under the model that gave it."""
        plan = policy.dialplan
        zone = plan.zone
        self.name = brain.name
        self._brain = brain
        self._store = caches.store(Kind.ANSWERS)
        self._tally = caches.tally
        self._shelf = Shelf(Kind.ANSWERS, plan.tenant, policy.sha256)
        self._identity = identity or brain.name
        self._hours = policy.hours
        self._intents = plan.intents
        self._days = DayNames(day.names for day in policy.hours.exceptions.values() if day.names)
        self._matcher: IntentMatcher | None = None
        self._plan = plan
        self._clock = clock or (lambda: datetime.now(zone))

    def warm_up(self) -> None:
        """Load the brain behind, the embeddings and the examples."""
        self._brain.warm_up()
        self._matched("hello")

    def start(self, request: StartBrain, post: Callable[[BrainResult], None]) -> BrainRun:
        """Post a kept answer before returning, or begin a run and keep what it answers if that may be kept."""
        asked = gist(request.text) if _general(request) else None
        if asked is None:
            return self._brain.start(request, post)
        now = self._clock()
        subject = self._subject(asked, now)
        look = self._store.look(self._shelf, subject)
        kept = None if look.value is None else self._fitting(look.value, asked, request.text, now)
        if kept is not None:
            for index, (text, evidence) in enumerate(kept.clauses):
                post(BrainClause(request.attempt, index, text, evidence))
            post(BrainFinished(request.attempt, BrainOutcome.ANSWERED, "", ""))
            return KeptRun()
        if not look.edition or _spoken_before(request):
            return self._brain.start(request, post)
        question = _Asked(request.text, asked, now, subject, look.edition)
        listening = _Listening(post, lambda clauses: self._keep(question, clauses))
        return self._brain.start(request, listening.take)

    def close(self) -> None:
        """Release threads and connections."""
        self._brain.close()

    def _subject(self, asked: Gist, now: datetime) -> bytes:
        return json.dumps([self._identity, now.date().isoformat(), asked.words, asked.days]).encode()

    def _matched(self, text: str) -> str:
        """Return the intent of a turn, empty when none is clear or it is not repeatable."""
        if self._matcher is None:
            self._matcher = IntentMatcher(self._plan, self._days)
        name = self._matcher.match(text)
        return name if name and self._intents[name].repeatable else ""

    def _fitting(self, stored: bytes, asked: Gist, text: str, now: datetime) -> _Kept | None:
        """Return what is stored if it answers this turn."""
        try:
            kept = _read(stored)
            fits = now < datetime.fromisoformat(kept.until) and _cosine(kept.vector, asked.plain) >= ALIKE
        except (ValueError, TypeError, KeyError, binascii.Error):
            return None
        return kept if fits and kept.clauses and self._matched(text) == kept.intent else None

    def _keep(self, asked: _Asked, clauses: list[BrainClause]) -> None:
        intent = self._matched(asked.text)
        if not intent or not all(_of_dialplan(clause) for clause in clauses):
            self._tally.count(Kind.ANSWERS, self._shelf.tenant, Outcome.REFUSED)
            return
        until = changes_at(self._hours, asked.began)
        vector = base64.b64encode(sentence_vector(asked.gist.plain).astype(np.float16).tobytes()).decode()
        said = [[clause.text, clause.evidence] for clause in clauses]
        value = json.dumps({"intent": intent, "vector": vector, "until": until.isoformat(), "clauses": said})
        left_s = (until - self._clock()).total_seconds()
        self._store.put(self._shelf, asked.subject, value.encode(), left_s, asked.edition)


class KeptRun:
    """A run that was over before it began, and says nothing of the engine behind it."""

    def cancel(self) -> None:
        """Change nothing."""


@dataclass(slots=True)
class _Listening:
    """Passes on what a run posts, and keeps it if the run was an answer and nothing else."""

    post: Callable[[BrainResult], None]
    keep: Callable[[list[BrainClause]], None]
    clauses: list[BrainClause] = field(default_factory=list)
    plain: bool = True

    def take(self, result: BrainResult) -> None:
        self.post(result)
        match result:
            case BrainClause():
                self.plain = self.plain and result.index == len(self.clauses) < MOST_CLAUSES
                self.clauses.append(result)
            case BrainFinished(outcome=BrainOutcome.ANSWERED, reason_code="", memory="", expects=""):
                # Sentences that the fact gate has dropped are named where the run ends, if there is a gate.
                if self.plain and self.clauses and not result.withheld:
                    self.keep(self.clauses)
                self.plain = False
            case _:
                self.plain = False


def changes_at(hours: BusinessHours, now: datetime) -> datetime:
    """Return when the business next opens or closes, or midnight there if that is earlier."""
    minute = now.hour * 60 + now.minute
    turns = (turn for opening in hours.on(now.date()).openings for turn in (opening.opens, opening.closes))
    later = min((turn for turn in turns if turn > minute), default=24 * 60)
    today = datetime.combine(now.date(), datetime.min.time(), now.tzinfo)
    return (today + timedelta(minutes=min(later, 24 * 60))).astimezone(UTC)  # wall time, also where clocks change


def _general(request: StartBrain) -> bool:
    """Whether a turn stands by itself: no results, no memory, nothing looked up, nothing personal said so far."""
    if request.results or request.memory or request.known:
        return False
    for line in request.history:
        if line.speaker == "tool" or (line.speaker == "caller" and speaks_of_self(line.text)):
            return False
    if not _spoken_before(request):
        return True
    last = request.history[-1]
    return not (last.speaker == "bot" and last.text.rstrip().endswith("?"))


def _spoken_before(request: StartBrain) -> bool:
    return any(line.speaker == "caller" for line in request.history)


def _of_dialplan(clause: BrainClause) -> bool:
    """Whether a clause is as true for everybody, until the business opens or closes."""
    vouched = bool(clause.evidence) and all(_SAYS.fullmatch(source) for source in clause.evidence)
    return vouched and "?" not in clause.text and "[" not in clause.text and not _MOMENT.search(clause.text)


def _read(stored: bytes) -> _Kept:
    """Read what was stored. Raises ValueError, TypeError and KeyError for anything else."""
    found = json.loads(stored)
    clauses = tuple((str(text), tuple(map(str, evidence))) for text, evidence in found["clauses"])
    return _Kept(str(found["intent"]), str(found["vector"]), str(found["until"]), clauses)


def _cosine(vector: str, text: str) -> float:
    kept = np.frombuffer(base64.b64decode(vector, validate=True), np.float16).astype(np.float32)
    return float(kept @ sentence_vector(text))

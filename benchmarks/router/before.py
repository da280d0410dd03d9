"""The router as it was until the sentence embedder came: the nearest example by static word vectors, for comparison.

Patterns decide at once, then the example with the greatest cosine, then one that differs by a few letters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import wordllama

from voicebot.brain.playbook.days import DayNames
from voicebot.brain.playbook.intents import IntentMatcher
from voicebot.brain.playbook.wholes import Wholes, general
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.rules import normalised

THRESHOLD: Final = 0.45
MARGIN: Final = 0.02


class Before:
    """The same dialplan, routed as it was."""

    def __init__(self, plan: Dialplan, days: DayNames, now: IntentMatcher) -> None:
        """Take the patterns of today's router, and embed the examples."""
        folder = Path(wordllama.__file__).parent
        self._words = wordllama.WordLlama.load(dim=256, disable_download=True, cache_dir=folder)
        self._now = now
        self._days = days
        labelled = [(normalised(text), name) for name, intent in plan.intents.items() for text in intent.examples]
        self._owners = np.array([name for _, name in labelled])
        self._vectors = np.asarray(self._words.embed([text for text, _ in labelled], norm=True))
        wholes = [(general(text, days, {5}), name) for text, name in labelled]
        self._owner_of_whole = {whole: name for whole, name in wholes if whole}
        self._wholes = Wholes(self._owner_of_whole)

    def match(self, text: str) -> str:
        """Return the intent of a turn, empty when none is clear."""
        turn = normalised(text)
        return self._now.by_pattern(turn) or self._nearest(turn) or self._misheard(turn)

    def _nearest(self, turn: str) -> str:
        alike = self._vectors @ np.asarray(self._words.embed([turn], norm=True))[0]
        best = self._owners[int(alike.argmax())]
        others = alike[self._owners != best].max(initial=-1.0)
        return str(best) if alike.max() >= THRESHOLD and alike.max() - others >= MARGIN else ""

    def _misheard(self, turn: str) -> str:
        return self._owner_of_whole.get(self._wholes.nearest(general(turn, self._days, {5})), "")

"""Word errors between what was to be said and what was understood, however either of them writes its numbers."""

from __future__ import annotations

from voicebot.media.recordings import phrase_key
from voicebot.tts.spoken import spoken


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Return the words that were changed, added or lost, and how many words were said."""
    reference, hypothesis = (phrase_key(spoken(text)).split() for text in (said, heard))
    row = list(range(len(hypothesis) + 1))
    for index, word in enumerate(reference, 1):
        previous, row[0] = row[0], index
        for at, other in enumerate(hypothesis, 1):
            previous, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, previous + (word != other))
    return row[-1], len(reference)

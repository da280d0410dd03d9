"""How the texts of one dialplan are said: by its lexicon, and by its recordings.

A text becomes what is spoken here, and only here: transcripts, journals and answers keep what was written, and the
cache knows a phrase by what is spoken, so that a changed lexicon is another phrase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicebot.media.recordings import phrase_key
from voicebot.tts.spoken import spoken


class Diction:
    """Immutable. `lexicon` maps written words to spoken ones; `recordings` maps `phrase_key`s to whole frames.

    An entry in lower case counts however the word is written; one with a capital only as it stands, so that `US` and
    `us` differ. Words are replaced whole, the longest entry first, and never what a replacement has brought.
    """

    def __init__(self, lexicon: Mapping[str, str] | None = None, recordings: Mapping[str, bytes] | None = None) -> None:
        entries = sorted((lexicon or {}).items(), key=lambda entry: -len(entry[0]))
        self._said = [said for _, said in entries]
        self._written = re.compile("|".join(_pattern(written) for written, _ in entries)) if entries else None
        self._recordings = dict(recordings or {})

    def spoken(self, text: str) -> str:
        """Return a text in the words that a synthesiser is given."""
        if self._written is not None:
            text = self._written.sub(lambda match: self._said[(match.lastindex or 1) - 1], text)
        return spoken(text)

    def recorded(self, text: str) -> bytes | None:
        """Return the frames of a text's recording, None when it has none."""
        return self._recordings.get(phrase_key(text)) if self._recordings else None


def _pattern(written: str) -> str:
    words = r"\s+".join(re.escape(word) for word in written.split())
    any_case = "(?i:" if written == written.lower() else "(?:"
    return rf"(?<!\w)({any_case}{words}))(?!\w)"


PLAIN = Diction()
"""Without a lexicon and recordings."""

"""Why a recogniser could not be had, or could not answer."""

from __future__ import annotations

from voicebot.asr.protocol import HearingFailed
from voicebot.core.events import Category


class EngineUnavailableError(Exception):
    """The engine is unknown, or what it needs is missing. The message names the remedy."""


def failure(number: int, error: Exception) -> HearingFailed:
    """Return the result for a decode that raised; missing weights will not come by themselves."""
    missing = isinstance(error, EngineUnavailableError)
    return HearingFailed(number, Category.UNAVAILABLE if missing else Category.INTERNAL, missing, type(error).__name__)

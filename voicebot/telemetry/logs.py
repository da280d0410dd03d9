"""Logs: one line an entry, a static message with fields beside it, as text for people or as JSON for collectors.

Fields come with logging's `extra=`. What callers and the bot say never is a field: names that hold it elsewhere in the
bot are replaced here, as a last line of defence; a test holds the code to it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

WITHHELD: Final = "[withheld]"

SPEECH_FIELDS: Final = frozenset(
    {
        "text",
        "caller_text",
        "bot_text",
        "transcript",
        "utterance_text",
        "history",
        "memory",
        "arguments",
        "result",
        "digits",
    }
)
"""Names of fields that hold what was said or typed. Their values are never written."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields that were given with `extra=`, without what was said."""
    return {
        name: WITHHELD if name in SPEECH_FIELDS else value
        for name, value in vars(record).items()
        if name not in _STANDARD
    }


class JsonLines(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, the fields, and the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Time, level, message and fields on one line; the trace of an error below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = "".join(f" {name}={_quoted(value)}" for name, value in fields_of(record).items())
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (stderr by default). `level`: debug, info, warning, error; `style`: text or json."""
    out = logging.StreamHandler(sys.stderr if stream is None else stream)
    out.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(level.upper())
    # These say on every request what the bot's own metrics say better, and some of it holds what was said.
    for chatty in ("httpx", "httpx2", "httpcore", "openai", "alembic", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _quoted(value: object) -> str:
    text = str(value)
    # A line break in a value (a SIP header, a file name) must not forge a line of its own.
    return json.dumps(text) if not text or any(c in ' "=' or not c.isprintable() for c in text) else text

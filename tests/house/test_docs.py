"""What operators read names everything that the code can tell them."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

LOGGERS = {"_LOG", "_log", "logger", "log", "LOG"}
WORTH_EXPLAINING = {"warning", "error", "exception", "critical"}


def calls(root: Path) -> Iterator[ast.Call]:
    for path in sorted((root / "voicebot").rglob("*.py")):
        if "testing" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def texts(call: ast.Call) -> list[str]:
    return [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def test_the_runbook_explains_every_warning(root: Path) -> None:
    runbook = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    messages = {
        texts(call)[0]
        for call in calls(root)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in LOGGERS
        and call.func.attr in WORTH_EXPLAINING
        and texts(call)
    }
    unexplained = sorted(message for message in messages if f"`{message}`" not in runbook)
    assert not unexplained, f"explain them under log lines in docs/operations.md: {unexplained}"


def test_no_field_of_a_log_line_has_a_name_that_logging_keeps_for_itself(root: Path) -> None:
    """`logging` raises KeyError for such a field, at the worst of times."""
    taken = {*vars(logging.makeLogRecord({})), "message", "asctime"}
    fields = {
        key.value
        for call in calls(root)
        for keyword in call.keywords
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant)
    }
    assert fields
    assert not fields & taken


def test_the_design_lists_every_queue_that_can_overflow(root: Path) -> None:
    design = (root / "docs" / "design.md").read_text(encoding="utf-8")
    queues = {
        tuple(texts(call)[:2])
        for call in calls(root)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "queue_overflowed" and len(texts(call)) > 1
    }
    unlisted = sorted(
        (name, policy) for name, policy in queues if f"`{name}`" not in design or f"`{policy}`" not in design
    )
    assert not unlisted, f"list them under threads and queues in docs/design.md: {unlisted}"

"""Check that the core, and the pure half of the handoff package, stay pure.

The core must give the same commands for the same events on every machine, so it may not see a clock, randomness,
threads or I/O. The import contracts in .importlinter keep it from the other rooms of the project; this keeps it from
the impure parts of the standard library and of the builtins. What is not on the list of allowed modules is banned, so
that a new impurity needs a decision rather than an oversight.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PURE_PLACES = (
    "voicebot/core",
    "handoff/packet.py",
    "handoff/policy.py",
    "handoff/machine.py",
    "handoff/refer_to.py",
)

ALLOWED_MODULES = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        # The packet is a validated document; pydantic does no I/O.
        "pydantic",
        "voicebot.core",
        "handoff.machine",
        "handoff.packet",
        "handoff.policy",
        "handoff.refer_to",
    }
)

BANNED_NAMES = {
    "__import__": "imports by name",
    "breakpoint": "stops the call",
    "exec": "runs text",
    "eval": "runs text",
    "hash": "differs between processes (PYTHONHASHSEED)",
    "id": "differs between processes",
    "input": "reads",
    "open": "reads and writes",
    "print": "writes",
}

BANNED_METHODS = {
    "now": "reads the clock",
    "today": "reads the clock",
    "utcnow": "reads the clock",
}


class Impurity(NamedTuple):
    """One offence, and where it stands."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def _allowed(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:length]) in ALLOWED_MODULES for length in range(1, len(parts) + 1))


def _modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0) if _allowed(module):
            return [module]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            # `from handoff import packet` names its module in two parts.
            return [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom():
            return ["(a relative import)"]
        case _:
            return []


def _offences(node: ast.AST) -> Iterator[str]:
    for module in _modules(node):
        if not _allowed(module):
            yield f"imports {module}, which is not on the list of pure modules in scripts/purity.py"
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in BANNED_NAMES:
            yield f"calls {name}(), which {BANNED_NAMES[name]}"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)) if name in BANNED_METHODS:
            yield f"calls {name}(), which {BANNED_METHODS[name]}"
        case ast.For(iter=ast.Set()) | ast.comprehension(iter=ast.Set()):
            yield "iterates over a set, whose order differs between processes"
        case ast.AsyncFunctionDef() | ast.Await():
            yield "waits; the core returns commands instead"
        case ast.Global():
            yield "keeps state in a module"


def impurities(path: Path, source: str) -> list[Impurity]:
    """All offences in one module's source, by line. Raises SyntaxError."""
    found = [
        Impurity(path, getattr(node, "lineno", 0), message)
        for node in ast.walk(ast.parse(source, filename=str(path)))
        for message in _offences(node)
    ]
    return sorted(found, key=lambda impurity: impurity.line)


def pure_modules(root: Path) -> Iterator[Path]:
    """Every module that has to be pure."""
    for place in PURE_PLACES:
        path = root / place
        if path.is_dir():
            yield from sorted(path.rglob("*.py"))
        elif path.exists():
            yield path


def main() -> int:
    """Print every offence; the exit code is 1 when there is one."""
    root = Path(__file__).resolve().parent.parent
    found = [
        impurity
        for path in pure_modules(root)
        for impurity in impurities(path.relative_to(root), path.read_text(encoding="utf-8"))
    ]
    for impurity in found:
        print(impurity)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Check the files themselves: links in the docs lead somewhere, and nothing belongs to one machine only.

Warns of modules that have grown beyond one story; that is a smell, not an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LONG_MODULE = 400
"""Lines, above which a module is named in a warning."""

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(?P<title>.+?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

# A home, a checkout or a scratch folder of whoever wrote the line. A path that deployments share (/etc, /var) is fine.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:home|root|work|tmp|Users)/[\w.]")
PATHS_MATTER_IN = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".cfg", ".service", ".txt", ""}


def tracked(root: Path) -> list[Path]:
    """Files that git knows or would add, so that a file is judged before its first commit."""
    listing = subprocess.run(
        # CI containers often run as another user than the one who cloned.
        ["git", "-c", f"safe.directory={root}", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (root / line for line in listing.stdout.splitlines())
    return sorted(path for path in paths if path.is_file())


def anchors(markdown: str) -> set[str]:
    """Collect the anchors that a Markdown renderer gives to the headings."""
    titles = (match["title"].lower() for match in HEADING.finditer(FENCE.sub("", markdown)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken_links(path: Path, markdown: str) -> Iterator[str]:
    """Relative links of a document that lead nowhere."""
    for match in LINK.finditer(FENCE.sub("", markdown)):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        goal = path.parent / target if target else path
        if not goal.exists():
            yield f"{path}: the link to {target} leads nowhere"
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text(encoding="utf-8")):
            yield f"{path}: {goal.name} has no heading for #{anchor}"


def machine_paths(path: Path, text: str) -> Iterator[str]:
    """Lines that name a folder of one machine."""
    for number, line in enumerate(text.splitlines(), start=1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: names a folder of one machine: {line.strip()[:80]}"


def main() -> int:
    """Print every finding; the exit code is 1 when one is an error."""
    root = Path(__file__).resolve().parent.parent
    errors: list[str] = []
    for path in tracked(root):
        if path.suffix == ".md":
            errors += broken_links(path, path.read_text(encoding="utf-8"))
        if path.suffix in PATHS_MATTER_IN and path != Path(__file__).resolve():
            errors += machine_paths(path, path.read_text(encoding="utf-8", errors="replace"))
        if path.suffix == ".py":
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > LONG_MODULE:
                print(f"warning: {path.relative_to(root)} has {lines} lines; does it tell two stories?")
    for error in errors:
        print(error.replace(f"{root}/", ""))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

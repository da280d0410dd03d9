"""What a run found: printed as it comes, plotted, and kept as a table in a page of docs with machine and date."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.reporting.statistics import Figure

_RESULTS = Path("benchmarks/results")
"""Not under version control."""
_END = "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `unit` is `ms`, `%` (the figure is a part of 1) or empty; `target` is for the reader."""

    name: str
    figure: Figure
    unit: str
    target: str

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return name, value, interval, trials, target."""
        figure = self.figure
        interval = "" if figure.low is None else f"{self._shown(figure.low)} .. {self._shown(figure.high)}"
        return self.name, self._shown(figure.value), interval, str(figure.trials), self.target

    def _shown(self, value: float | None) -> str:
        if value is None:
            return "-"
        if self.unit == "%":
            return f"{100 * value:.1f} %"
        shown = f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
        return f"{shown} {self.unit}".strip()


@dataclass(slots=True)
class Report:
    """Collects sections of rows, remarks and curves of a benchmark; `page` has a place for its tables."""

    benchmark: str
    page: Path
    sections: dict[str, list[Row]] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    """Single measurements in ms, by what they are; plotted as distributions."""
    _section: str = ""

    def section(self, name: str) -> None:
        """Begin a section."""
        self._section = name
        self.sections[name] = []
        self.remarks[name] = []
        print(f"\n{name}")

    def add(self, row: Row) -> None:
        """Take a row."""
        self.sections[self._section].append(row)
        name, value, interval, trials, target = row.cells()
        print(f"  {name:<48} {value:>10}  [{interval}]  n={trials}  {f'target {target}' if target else ''}".rstrip())

    def tell(self, remark: str) -> None:
        """Take a sentence."""
        self.remarks[self._section].append(remark)
        print(f"  {remark}")

    def curve(self, plot: str, name: str, points: Sequence[tuple[float, float]]) -> None:
        """Take a curve of (delay in ms, part of turns)."""
        self.curves.setdefault(plot, {})[name] = sorted(points)
        print(f"  {name}: " + ", ".join(f"{delay:.0f} ms {part:.1%}" for delay, part in sorted(points)))

    def write(self) -> None:
        """Write numbers and plots."""
        results = _RESULTS / self.benchmark
        results.mkdir(parents=True, exist_ok=True)
        when = datetime.now().astimezone().isoformat(timespec="minutes")
        kept = {
            "when": when,
            "machine": machine(),
            "sections": {name: [asdict(row) for row in rows] for name, rows in self.sections.items()},
            "curves": self.curves,
            "samples": self.samples,
        }
        (results / "figures.json").write_text(json.dumps(kept, indent=1) + "\n")
        self._plot(results)

    def write_page(self) -> None:
        """Put the tables into the page, in place of the last ones."""
        command = f"scripts/bench {self.benchmark}"
        begin = f"<!-- figures: written by {command} -->"
        before, _, rest = self.page.read_text().partition(begin)
        after = rest.partition(_END)[2]
        date = datetime.now().astimezone().date().isoformat()
        lines = [f"{date}, {machine()}, `{command}`.", ""]
        for name, rows in self.sections.items():
            lines += [f"### {name}", "", "| figure | value | 95 % | trials | target |", "|---|---|---|---|---|"]
            lines += [f"| {' | '.join(row.cells())} |" for row in rows]
            lines += ["", *(f"{remark}.  " for remark in self.remarks[name]), ""]
        self.page.write_text(f"{before}{begin}\n\n" + "\n".join(lines).rstrip() + f"\n\n{_END}{after}")

    def _plot(self, results: Path) -> None:
        """Draw what there is to draw; without matplotlib (the extra `bench`) only say so."""
        try:
            from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra; the numbers come without it
        except ModuleNotFoundError:
            print("\nno plots: pip install '.[bench]'")
            return
        for plot, curves in self.curves.items():
            figure, axes = plt.subplots(figsize=(6, 4))
            for name, points in curves.items():
                axes.plot([delay for delay, _ in points], [100 * part for _, part in points], "o-", label=name)
            axes.set(xlabel="median delay, ms", ylabel="turns cut off, %", ylim=(0, None))
            axes.legend()
            _save(figure, results / f"{plot}.png")
        if self.samples:
            figure, axes = plt.subplots(figsize=(6, 4))
            for name, values in self.samples.items():
                ordered = sorted(values)
                axes.step(ordered, [(i + 1) / len(ordered) for i in range(len(ordered))], label=name)
            axes.set(xlabel="ms", ylabel="part of trials", ylim=(0, 1))
            axes.legend()
            _save(figure, results / "distributions.png")


def _save(figure: object, path: Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight")  # type: ignore[attr-defined]
    print(f"  {path}")


def machine() -> str:
    """Return what the figures were measured on."""
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []

"""Write the files that are made from the code, so that they cannot say anything else than the code does.

`python -m scripts.generate` writes them; with `--check` it exits 1 and names each one that is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from scripts import diagrams, reference
from voicebot.config import Settings
from voicebot.dialplan.schemas import schemas
from voicebot.telemetry import metrics

ROOT = Path(__file__).resolve().parent.parent

CONFIGURATION = """\
# Configuration

Written by `python -m scripts.generate` from `voicebot/config.py`; edit that, not this file.

One YAML file, given by `--config` or VOICEBOT_CONFIG, holds these sections; `deploy/voicebot.yaml` is an example. Every
key can be overridden by the environment: `sip.port` by `VOICEBOT_SIP__PORT`, `sip.account.user` by
`VOICEBOT_SIP__ACCOUNT__USER`. Passwords come from the environment only. What a call says and does is configured in the
dialplans, see [admin.md](admin.md).

"""


DIALPLAN = """\
# Dialplan reference

Written by `python -m scripts.generate` from `voicebot/dialplan/model.py`; edit that, not this file. Keys ending in
`_ms` are milliseconds. How the parts work together is told in [admin.md](admin.md); `voicebot check` names each error
with its file, line and column; what the times do, and what happens when they are wrong, is told under
[timing](admin.md#timing).

"""


METRICS = """\
# Metrics

Written by `python -m scripts.generate` from `voicebot/telemetry/metrics.py`; edit that, not this file. `/metrics`
serves them in Prometheus's format, summed over all workers. What to watch is told in
[operations.md](operations.md#what-to-watch).

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def metrics_table() -> str:
    """Render one row for each metric, in the order of the module."""
    rows = []
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            for family in metric.describe():
                name = f"{family.name}_total" if family.type == "counter" else family.name
                # prometheus-client has no public way to ask for the labels of a metric without samples.
                labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ()))
                rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return METRICS + "\n".join(rows) + "\n"


def generated() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    dialplan = schemas()["dialplan.json"]
    return {
        ROOT / "docs" / "metrics.md": metrics_table(),
        ROOT / "docs" / "machines.md": diagrams.document(),
        ROOT / "docs" / "configuration.md": CONFIGURATION + reference.reference(Settings.model_json_schema()),
        ROOT / "docs" / "dialplan-reference.md": DIALPLAN + reference.reference(json.loads(dialplan)),
        **{ROOT / "dialplans" / "schema" / name: text for name, text in schemas().items()},
    }


def main(arguments: list[str]) -> int:
    """Write or check; the exit code is 1 when the check fails."""
    stale = [
        (path, text)
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        name = path.relative_to(ROOT)
        if arguments == ["--check"]:
            print(f"{name} is stale; write it again with: python -m scripts.generate")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if stale and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

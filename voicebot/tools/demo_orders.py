"""The order list of the demo shop: an SQLite table that ships with the bot.

It is made in memory from `demo_orders.sql` for each call, which takes well under a millisecond and leaves no file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib import resources

from voicebot.core.events import Category
from voicebot.tools.toolbox import ConnectorError, ToolContext


def order_status(arguments: Mapping[str, object], _context: ToolContext) -> Mapping[str, object]:
    """Look up an order by `order_number`, a string of five digits; `outcome` says how it stands."""
    number = arguments.get("order_number")
    if not isinstance(number, str):
        raise ConnectorError(Category.REJECTED, permanent=True, detail="order_number must be a string")
    seed = resources.files(__package__).joinpath("demo_orders.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(seed)
        row = database.execute("SELECT outcome, facts FROM orders WHERE number = ?", (number,)).fetchone()
    if row is None:
        return {"outcome": "not_found"}
    facts: dict[str, object] = json.loads(row[1])
    return {"outcome": row[0], **facts}

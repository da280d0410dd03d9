"""The demo's order list behind a system that takes two seconds to answer."""

from __future__ import annotations

import time
from collections.abc import Mapping

from voicebot.tools import demo_orders
from voicebot.tools.toolbox import ToolContext

ANSWER_S = 2.0


def order_status(arguments: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
    """Look up an order by `order_number`, late."""
    time.sleep(ANSWER_S)
    return demo_orders.order_status(arguments, context)

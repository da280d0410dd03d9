"""A tiny MCP server for the tests: `python mcp_shop.py` speaks stdio, `python mcp_shop.py PORT` streamable HTTP."""

from __future__ import annotations

import os
import sys
import time

from mcp.server import MCPServer

shop = MCPServer("shop")
counts = {"calls": 0}


@shop.tool()
def order(number: str) -> dict[str, object]:
    """Look up an order."""
    counts["calls"] += 1
    greeting = os.environ.get("GREETING")
    return {"number": number, "eta": {"day": "Friday"}, "calls": counts["calls"], "greeting": greeting}


@shop.tool(structured_output=False)
def plain(number: str) -> str:
    """Answer in words."""
    return f"order {number}"


@shop.tool(structured_output=False)
def words(number: str) -> str:
    """Answer in JSON that is no structured content."""
    return f'{{"number": "{number}"}}'


@shop.tool()
def broken(number: str) -> str:
    """Fail."""
    raise ValueError(number)


@shop.tool()
def slow(number: str) -> str:
    """Take ten seconds."""
    time.sleep(10)
    return number


@shop.tool()
def dies(number: str) -> str:
    """Take the server down."""
    os._exit(int(number))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shop.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        shop.run()

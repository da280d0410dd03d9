"""Measurements of the bot: `scripts/bench NAME`. A package, because others put one of this name beside it."""

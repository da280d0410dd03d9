"""Calls to try the bot on, in a file each. A package, because others put one of this name beside it."""

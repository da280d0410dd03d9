"""Calls, turns and policies in a database."""

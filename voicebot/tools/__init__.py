"""Connectors: where answers get their facts, under hard time limits."""

"""Handing a caller to a human: reason codes, the workflow and its outcomes.

A package of its own that imports nothing from `voicebot`; `policy` and `machine` are pure, so the core may use them.
"""

"""Connections to remote engines: warm, bounded in number, with deadlines of our own and a real way to cancel.

Adapters in `asr`, `brain` and `tts` may import this package; it imports none of them.
"""

"""The brain stem of a call: pure state machines, stepped by one event at a time.

No clock, no randomness, no threads, no I/O: the same events in the same order give the same commands, byte for byte.
That is what makes replay and backtest true.
"""

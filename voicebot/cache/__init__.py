"""Bounded, scoped caches: prompts, answers, rendered speech, results of connectors."""

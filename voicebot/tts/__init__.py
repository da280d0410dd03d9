"""Speech synthesis: engines behind one protocol, a cache of fixed phrases, and the pool that renders for all calls."""

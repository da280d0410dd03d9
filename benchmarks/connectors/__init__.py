"""Whether slow and failing connectors hurt: see `__main__`."""

"""Record, replay and read back calls."""

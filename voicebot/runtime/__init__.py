"""Running calls: one driver thread each, the shells that carry out commands, the worker process around them."""

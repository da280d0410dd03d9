"""What operators see: metrics, logs, the state of workers."""

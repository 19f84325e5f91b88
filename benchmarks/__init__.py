"""The speed claims of the README, as one command: `python -m benchmarks`."""

"""One module a suite: `run(options) -> iterator of dict`, of which the last is the summary."""

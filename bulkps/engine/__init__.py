"""How a run proceeds: status, retry, the machine (pure) and its driver (clock, threads)."""

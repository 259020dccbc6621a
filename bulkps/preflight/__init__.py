"""Pre-flight: finds what is known to fail before anything is sent. Plans the queries, runs them, judges."""

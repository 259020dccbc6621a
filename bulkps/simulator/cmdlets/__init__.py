"""The cmdlets of the simulated tenant, and what binds, runs and refuses them."""

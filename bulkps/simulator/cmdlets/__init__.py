"""The cmdlets of the simulated tenant: binding, running and refusing them."""

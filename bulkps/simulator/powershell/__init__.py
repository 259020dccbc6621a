"""A real PowerShell behind the simulated endpoint."""

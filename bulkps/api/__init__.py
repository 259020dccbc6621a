"""The Python library: what a script imports."""

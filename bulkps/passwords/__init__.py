"""Generated passwords: how they are generated, encrypted and written to a file."""

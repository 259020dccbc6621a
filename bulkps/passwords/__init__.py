"""Generated passwords: how they are made, encrypted, and written for the one who hands them out."""

"""The simulated organization: its mailboxes, recipients and restore requests. Pure."""

"""What happened: the journal, the audit log, results, and where they lie."""

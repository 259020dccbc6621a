"""The inventory of deleted mailboxes that ``bulkps export`` writes."""

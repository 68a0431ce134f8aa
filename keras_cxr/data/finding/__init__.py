"""Which files there are, and which classes they have: folders, tables, arrays."""

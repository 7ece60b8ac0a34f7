"""``switchyard setup``: other programs' own files are edited so that they use this gateway, and put back again."""

"""Everything at once on one machine, to look at; stands on all parts, and no part knows of it."""

"""The report of a run: its schema, the gate over it, and the ways to show it."""

"""Data sets: read from files, checked, and streamed to the measuring side."""

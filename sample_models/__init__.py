"""Sample models: one network with real data per file, found by file name; each defines `MODEL`."""

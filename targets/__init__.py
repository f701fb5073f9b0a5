"""Targets: one device per file, found by file name; each defines `TARGET`."""

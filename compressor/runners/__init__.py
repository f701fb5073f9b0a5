"""Programs that bundles take along. They run on the device: each needs numpy and its runtime, not this package."""

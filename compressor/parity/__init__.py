"""The parity matrix of a run: every stage of a model on every runtime at hand, against what it has to equal."""

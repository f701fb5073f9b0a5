"""The verbs that need more than the flow itself, as functions: paths and names become values here."""

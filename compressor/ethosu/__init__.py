"""What Arm's Vela puts on an Ethos-U: its operators and their limits, as its own rule book says them.

The rule book is what `vela --supported-ops-report` of version 5.2.0 writes; where the compiler does otherwise than its
book, what it did on files made for the question decides.
"""

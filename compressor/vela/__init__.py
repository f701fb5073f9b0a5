"""Arm's Vela, the compiler for the Ethos-U: run in a child process, and what it leaves read."""

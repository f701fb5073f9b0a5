"""What Google's compiler for the Edge TPU takes: its operators, its partition, its log."""

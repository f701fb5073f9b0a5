"""What a model file may hold: looked at before anything is built, so that no file runs code of its own."""

"""Recipes: YAML files only; `compressor list recipes` shows what each promises."""

"""Parts of tools/search_models.py: its table, its plot."""

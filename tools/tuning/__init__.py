"""Parts of tools/tune.py: the space that is searched, its trials, what comes out."""

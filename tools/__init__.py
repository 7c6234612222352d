"""The commands: flags, files, printing. Each `main` parses, builds, and calls the library."""

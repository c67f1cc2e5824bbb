"""The command line `meso`: one file per command group, imported lazily."""

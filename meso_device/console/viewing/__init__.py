"""The screen of ``meso view``: shows a running host, in a terminal or a browser, and can do nothing else."""

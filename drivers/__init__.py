"""The host's end of a cable: the only code that opens a port."""

"""The host process: the select loop that joins port, engine and audit writer."""

"""The view in a browser: a server on the loopback interface that runs one view for each open page."""

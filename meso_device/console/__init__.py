"""The screen: a Textual application that runs as the host's child and knows nothing but what the host tells it.

It holds no gun, no store and no timeout that matters. What it shows is made by pure presenters from the newest
snapshot; what it asks for is a command that the host judges again.
"""

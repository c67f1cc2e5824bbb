"""One file a screen: what it holds, which keys it takes, what it asks the host for."""

"""What the log says, put together for people outside of the treatment: look-back."""

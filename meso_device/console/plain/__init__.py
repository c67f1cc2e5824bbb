"""The console in lines, for screen readers and terminals that cannot be drawn on: all tasks but arming."""

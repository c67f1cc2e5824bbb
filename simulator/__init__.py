"""The gun's end of the cable: a simulated gun, not a mock."""

"""What connects the simulated gun to the world: ports, files, signals, and the hand that pulls its trigger."""

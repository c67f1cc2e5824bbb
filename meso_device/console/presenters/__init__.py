"""What is shown, as rows of toned text: pure functions of a snapshot."""

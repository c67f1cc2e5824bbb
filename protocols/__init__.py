"""What two parties must agree on: quantities, the wire protocol, treatment protocols. Pure."""

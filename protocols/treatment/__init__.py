"""Treatment protocol files: what clinic and host agree on."""

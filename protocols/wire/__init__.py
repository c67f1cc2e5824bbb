"""The wire protocol between host and gun: frames, messages, codes, hashes. Pure; SPEC.md is its text."""

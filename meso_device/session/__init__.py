"""The session engine: what the host decides, sans-IO."""

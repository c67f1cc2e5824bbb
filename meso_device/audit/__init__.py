"""The tamper-evident log: records, hash tree, checkpoints, store, verify."""

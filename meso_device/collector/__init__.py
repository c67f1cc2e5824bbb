"""The collector: logs of many consoles in one PostgreSQL, each checked before it is stored; and the sending of them."""

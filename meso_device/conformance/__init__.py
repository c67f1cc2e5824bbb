"""The conformance kit: the rules of the wire protocol, one by one, against any gun, over raw frames.

It stands below the link engine and above nothing: it sends what a good host never would. `bench` is the host's end,
`rules` holds one function a rule, `verdicts` runs them, `report` prints what was seen.
"""

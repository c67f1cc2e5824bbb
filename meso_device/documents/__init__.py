"""Documents for people: certificates and reports. Plain data goes in, the bytes of a PDF or of an HTML page come out.

The same data gives the same bytes, in every process and on every run: no clock, no randomness, no font and no file of
this computer has a part in them.
"""

"""What the technician's bench computes and decides: pure, without numpy or scipy.

Statistics use floats inside. What is stored or compared is an integer with its unit in the name, rounded once where it
leaves this package, an uncertainty always upwards.
"""

"""Operators, what each may do, their PINs and signatures; and the patients' identity vault, apart from the log."""

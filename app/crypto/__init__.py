"""Cryptography: no I/O, no clock of its own, and the only room that draws random numbers.

Except what looks at the machine: `pool` and `calibration` have threads and measure how long a hash takes, as `passwords`
does by the system's clock unless it is given one; and `builds` reads the file of the library that computes it.
"""

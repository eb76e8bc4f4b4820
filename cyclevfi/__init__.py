__version__ = "0.1.0"

import os

# Read when PyTorch loads GNU's OpenMP: how often a thread that is done with its part of an operation
# looks whether the others are, before it sleeps. By default it holds its core for milliseconds, which
# the others may be waiting for where something else runs on the machine (see 01e_fast.ipynb).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

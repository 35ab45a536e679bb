"""Batch Atlas: what does batch size do to training, on this hardware, in this framework?"""

import sys

from benchmarks.common.errors import hide_interrupts

# A job may be interrupted while it is still importing, before a command can catch the interrupt.
sys.excepthook = hide_interrupts

__version__ = "0.1.0"

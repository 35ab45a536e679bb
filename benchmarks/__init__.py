"""Batch Atlas: what does batch size do to training, on this hardware, in this framework?"""

__version__ = "0.1.0"

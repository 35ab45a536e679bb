"""Searches for the learning rate of an arm at each batch size, in the framework that is fastest here."""

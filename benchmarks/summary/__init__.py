"""From records and timings to one tidy table, with intervals."""

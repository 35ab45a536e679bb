"""From records to one tidy table: summaries, fits, comparisons."""

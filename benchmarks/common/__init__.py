"""What every part of Batch Atlas stands on: errors, values, files, processes, machine, provenance."""

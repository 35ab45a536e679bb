"""What every other package uses: errors, values, files, processes, machine, provenance."""

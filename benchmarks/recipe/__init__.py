"""What a training is, as plain values: its optimizer, its arm, its batches, its random numbers, its plan."""

"""What a training is, as plain values: its optimizer, its batches, its arm."""

"""What defines a training, as plain values: optimizer, arm, batches, random numbers, plan."""

"""How fast a training runs: timed by pytest-benchmark in independent processes."""

"""How fast training steps run, timed by pytest-benchmark in independent processes."""

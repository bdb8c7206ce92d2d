"""Benchmarks, run as `./shelf bench …`: ratios against something in the same run, never timed tests."""

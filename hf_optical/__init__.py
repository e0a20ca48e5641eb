"""hf_optical."""

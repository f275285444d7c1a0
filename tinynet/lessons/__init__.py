"""Experiments for a classroom, one to a file; `tinynet lesson NAME` runs them."""

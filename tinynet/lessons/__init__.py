"""Experiments for a classroom, one to a file; `tinynet lesson NAME` runs them, and `tinynet.lessons.NAME.run` does."""

LESSONS = ("relu", "lrn", "pooling", "dropout", "augmentation", "towers", "depth", "init", "lenet", "speed")

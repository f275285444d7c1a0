"""Experiments for a classroom, one to a file; `tinynet lesson NAME` runs them, and `tinynet.lessons.NAME.run` does."""
from .experiment import Arm, Budget
from .lesson import Lesson
from .surgery import changed

__all__ = ["LESSONS", "Arm", "Budget", "Lesson", "changed"]

LESSONS = ("relu", "lrn", "pooling", "dropout", "augmentation", "towers", "depth", "init", "lenet", "speed")

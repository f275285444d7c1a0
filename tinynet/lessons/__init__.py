"""The paper's claims as experiments, one to a file: `tinynet lesson NAME`, or `tinynet.lessons.NAME.run()`."""
from .experiment import Arm, Budget
from .lesson import Lesson
from .surgery import changed

__all__ = ["LESSONS", "Arm", "Budget", "Lesson", "changed"]

LESSONS = ("relu", "lrn", "pooling", "dropout", "augmentation", "towers", "depth", "init", "lenet", "optimizer",
           "speed")

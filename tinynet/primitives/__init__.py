"""What layers are built from; `on_cpu` explains each operation."""
from .matmul import matmul
from .on_cpu import around_sum, col2im, im2col, nearby_sum, spread, to_winner, window_max, window_sum
from .window import Window, make_window, pair

__all__ = [
    "Window", "around_sum", "col2im", "im2col", "make_window", "matmul", "nearby_sum", "pair", "spread", "to_winner",
    "window_max", "window_sum",
]

"""Drawn images for training, in NumPy alone: ten outlines, each in a colour of its own on another, with noise."""
import numpy as np

OUTLINES = {  # where a shape is, by the distances u and v from its centre, to the right and down
    "disc": lambda u, v: np.hypot(u, v) < 1,
    "ring": lambda u, v: abs(np.hypot(u, v) - 0.8) < 0.2,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) < 0.9,
    "frame": lambda u, v: abs(np.maximum(abs(u), abs(v)) - 0.75) < 0.2,
    "diamond": lambda u, v: abs(u) + abs(v) < 1,
    "plus": lambda u, v: (np.minimum(abs(u), abs(v)) < 0.25) & (np.maximum(abs(u), abs(v)) < 1),
    "cross": lambda u, v: (abs(abs(u) - abs(v)) < 0.3) & (np.maximum(abs(u), abs(v)) < 0.9),
    "bar": lambda u, v: (abs(v) < 0.3) & (abs(u) < 1),
    "post": lambda u, v: (abs(u) < 0.3) & (abs(v) < 1),
    "triangle": lambda u, v: (abs(v) < 0.9) & (2 * abs(u) < v + 0.9),
}


def drawn_images(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, size, size, 3), float32 from 0 to 255 minus their mean, and labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(OUTLINES), count)
    images = generator.normal(0, 20, (count, size, size, 3)).astype(np.float32)
    places = np.arange(size)
    for image, label in zip(images, labels, strict=True):
        radius, colours = size * generator.uniform(0.25, 0.4), generator.uniform(0, 255, (2, 3))
        if abs(colours[0] - colours[1]).max() < 80:
            colours[1] = (colours[0] + 128) % 256
        down, right = generator.uniform(radius, size - radius, 2)
        shape = list(OUTLINES.values())[label]((places[None, :] - right) / radius, (places[:, None] - down) / radius)
        image += np.where(shape[:, :, None], colours[0], colours[1])
    return np.clip(images, 0, 255) - 127, labels

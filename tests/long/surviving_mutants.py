"""Why a mutant survives that no test can or should kill: its file, a pattern of the lines it changed, the reason."""

REASONS: list[tuple[str, str, str]] = [
    ("", r"\+.*reshape\(.*- 2\b", "NumPy takes any negative size for 'what is left'"),
    ("relu", r"saved\.y != 0", "y of a ReLU is never below zero"),
    ("batch_norm", r"x\.size / self\.channels", "the quotient is whole; as a float it gives the same variance"),
    ("dropout", r"if p >= 1:", "p above 1 was refused in the line before"),
    ("lrn", r"size\) % 2 <= 0|k, 0, float\(\"inf\"\)\) <= 0", "neither is ever below 0 there"),
    ("winograd", r"\+POINTS = ", "other points are as right, and nearly as exact"),
    ("matmul", r"\+.* >= p else", "for a square result both sides are as long"),
    ("twins", r"\+PART = ", "a size that was found to be fast; one number more or less changes nothing"),
    ("twins", r"stride <= \(1, 1\)|groups <= 1", "neither is ever below 1"),
    ("twins", r"array_module\(x\) != np|type\(layer\) != Conv2d", "modules and classes are equal when the same"),
    ("twins", r"\+.*Window\(\(1, kw\), .*, True\)", "at a stride of 1 rounding up changes nothing"),
    ("on_gpu", r"\+THREADS = ", "any number of threads that a GPU allows computes the same"),
    ("on_gpu", r"step / x\.dtype\.itemsize|size / 2|shape\[-1\] / groups", "made an integer, the quotient is the same"),
    ("on_gpu", r"\+.*max\( 0, min\(w", "images have a width of 1 at least"),
    ("on_gpu", r"len\(dtypes\) != 1", "there is always one array at least"),
    ("on_gpu", r"-@cache", "what is kept is found again, more slowly"),
]

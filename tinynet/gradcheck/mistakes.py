"""The usual mistakes in a gradient: each function returns a sentence that says so, or None for another mistake."""
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np

from ..ops.arrays import Array
from .wrong_entries import Wrong, listed

OUTPUT_AXES = {4: ("image", "row of the output", "column of the output", "channel of the output"),
               2: ("image", "output")}


def zeros(wrong: Wrong) -> str | None:
    """Zeros came back, or should have."""
    if not wrong.gradient.any():
        return "backward gives 0 everywhere."
    if not wrong.right.any():
        return f"the output does not change with {wrong.name}, but backward gives it a gradient. Does forward use it?"
    return None


def factor(wrong: Wrong) -> str | None:
    """A constant times the right one."""
    right, found = wrong.right, wrong.found
    times = float((found * right).sum() / (right * right).sum())
    if abs(times) < 1e-6 or not wrong.equal(found / times, right):
        return None
    if abs(times + 1) < 1e-6:
        return "the sign is wrong: it is -1 times the right one."
    names = [name for name, value in named_factors(wrong).items() if abs(times / value - 1) < 1e-6]
    if not names and np.count_nonzero(right) < 2:
        return None
    names = [name for name in names if name != f"{times:.6g}"]
    meaning = f" ({' = '.join(names[:3])})" if names else ""
    return f"it is {times:.6g}{meaning} times the right one, everywhere."


def named_factors(wrong: Wrong) -> dict[str, float]:
    """Numbers that a gradient may be too large or too small by, with a name for each."""
    images, positions = wrong.output.shape[:1], wrong.output.shape[1:-1]
    if not images:  # a loss
        images = wrong.array.shape[:1]
    counts = {"the number of images": float(np.prod(images))}
    if not wrong.output.ndim and wrong.array.ndim == 2:
        counts["the number of classes"] = float(wrong.array.shape[1])
    if positions:
        counts["the number of positions in the output"] = float(np.prod(positions))
        counts["images times positions"] = float(np.prod(images + positions))
    known = {name: value for name, value in counts.items() if value > 1}
    known |= {f"1 / {name}": 1 / value for name, value in known.items()}
    for name, value in wrong.settings.items():
        known[name], known[f"1 - {name}"], known[f"{name}**2"] = value, 1 - value, value**2
    for name, value in wrong.settings.items():
        for text, number in ((f"1 / {name}", value), (f"1 / (1 - {name})", 1 - value), (f"1 / {name}**2", value**2)):
            known[text] = 1 / number if number else 0.0
        known[f"(1 - {name}) / {name}"] = (1 - value) / value if value else 0.0
    simple = {str(Fraction(a, b)): a / b for a in range(1, 5) for b in range(1, 5) if b > 1}
    both = {**known, **simple}
    both |= {f"-{name}" if name in simple else f"minus {name}": -value for name, value in both.items()}
    return {name: value for name, value in both.items() if value and abs(value) != 1}


def order(wrong: Wrong) -> str | None:
    """The right numbers at other indices: axes swapped, read in another order, or counted from the other end."""
    gradient, shape = wrong.gradient, wrong.gradient.shape
    if gradient.ndim < 5:
        for axes in list(permutations(range(gradient.ndim)))[1:]:
            other = gradient.reshape([shape[a] for a in axes]).transpose(np.argsort(axes))
            if wrong.equal(wrong.at(other), wrong.right):
                if gradient.ndim == 2:
                    return "it is transposed: its rows are the right one's columns."
                return f"its numbers are in another order: as if its axes were {axes} of the right one."
    along = [axis for axis, length in enumerate(shape) if length > 1]
    for count in range(1, len(along) + 1):
        for chosen in combinations(along, count):
            if wrong.equal(wrong.at(np.flip(gradient, chosen)), wrong.right):
                return f"it is flipped along axis {listed(chosen)}: counted from the other end."
    return None


def mixed_up(wrong: Wrong) -> str | None:
    """Another array's gradient."""
    for name, other in wrong.others.items():
        if name != wrong.name and getattr(other, "shape", None) == wrong.gradient.shape:
            if wrong.equal(wrong.at(other), wrong.right):
                return f"the right one is what backward gives for {name}: the two are mixed up."
    return None


def sums(wrong: Wrong) -> str | None:
    """The sum over the outputs lacks a part, or has only one; or the upstream gradient was left out."""
    found, right = wrong.found, wrong.right
    if wrong.equal(found, wrong.for_ones):
        return "it is what an upstream gradient of ones would give: dy is left out."
    axes = range(wrong.output.ndim)
    names = OUTPUT_AXES.get(len(axes), [f"output axis {i}, index" for i in axes])
    for axis, what in enumerate(names):
        parts = wrong.along(axis)                                              # (entries, length)
        for index in range(parts.shape[1]) if parts.shape[1] > 1 else ():
            where = f"{what} {index} of {parts.shape[1]}"
            if wrong.equal(found, parts[:, index]):
                return f"it has what comes from {where} only: a sum over all of them is missing."
            if wrong.equal(found, right - parts[:, index]):
                return f"what comes from {where} is left out."
    if wrong.output.ndim == 4:
        for which, parts in (("first", wrong.first_position), ("last", wrong.last_position)):
            if wrong.equal(found, np.array(parts)):
                return f"it has what comes from the {which} position of each image only: a sum over positions is " \
                       "missing."
    return None


def shifted(wrong: Wrong) -> str | None:
    """Right, but shifted by one or two along an axis."""
    indices = wrong.indices()
    for axis, what in enumerate(wrong.axes):
        length = wrong.array.shape[axis]
        for shift in (1, -1, 2, -2) if length > 3 else ():
            inside = (indices[:, axis] + shift >= 0) & (indices[:, axis] + shift < length)
            moved = wrong.at(np.roll(wrong.gradient, -shift, axis))[inside]
            if inside.sum() > 3 and wrong.equal(moved, wrong.right[inside]):
                along = f"axis {axis} ({what.split(',')[0]})"
                return f"it is shifted by {abs(shift)} along {along}: a window that is off, or groups mixed up?"
    return None


def one_of_several(wrong: Wrong) -> str | None:
    """= where += is needed."""
    chosen = np.flatnonzero(wrong.differing())
    several = all(
        len(wrong.parts[i]) > 1 and np.abs(wrong.parts[i] - wrong.found[i]).min() <= wrong.limit() for i in chosen
    )
    if several and (np.abs(wrong.found[chosen]) > wrong.limit()).any():
        return "where several outputs contribute, it has what one of them gives and not the sum: = instead of +=, or " \
               "a path left out?"
    return None


def missing_term(wrong: Wrong) -> str | None:
    """The difference is a known array, times one number, or times one for each index along some axes."""
    difference = wrong.found - wrong.right
    known = {f"{wrong.name} itself": wrong.array, "the output y": wrong.output, "dy": wrong.upstream}
    known = {name: array for name, array in known.items() if array.shape == wrong.array.shape}
    for name, candidate in {"": np.ones(wrong.array.shape), **known}.items():
        ratio = difference / np.where(wrong.at(candidate) == 0, np.nan, wrong.at(candidate))
        if name and one_number(wrong, ratio):
            return f"it is off by {ratio[0]:.6g} times {name}: a term too many, or a missing one."
        for axes in axis_sets(wrong):
            if all(one_number(wrong, ratio[group]) for group in groups(wrong, axes)):
                what = ", ".join(wrong.axes[axis].split(",")[0] for axis in axes)
                times = f"{name} times a number" if name else "a number"
                return f"it is off by {times} that is the same for every {what}: a term that sums over them is wrong."
    return None


def one_number(wrong: Wrong, ratio: Array) -> bool:
    """Whether there are several and all are the same; of a single one anything would be true."""
    return len(ratio) > 1 and bool((np.abs(ratio - ratio[0]) <= 1e-5 * np.abs(ratio).max() + 1e-7).all())


def axis_sets(wrong: Wrong) -> list[tuple[int, ...]]:
    """Return sets of axes, the largest first."""
    along = [axis for axis, length in enumerate(wrong.array.shape) if length > 1]
    return [axes for count in range(len(along), 0, -1) for axes in combinations(along, count)]


def groups(wrong: Wrong, axes: tuple[int, ...]) -> list[Array]:
    """Return the entries that differ in their indices along these axes only; nothing if hardly any do."""
    rest = np.delete(wrong.indices(), axes, axis=1)
    keys = np.unique(rest, axis=0, return_inverse=True)[1].reshape(-1) if rest.shape[1] else np.zeros(len(rest), int)
    found = [np.flatnonzero(keys == key) for key in range(keys.max(initial=-1) + 1)]
    return found if found and len(keys) >= 3 * len(found) else [np.zeros(0, int)]


def missing_entries(wrong: Wrong) -> str | None:
    """Zeros where there should be numbers."""
    bad = wrong.differing()
    if bad.all() or (np.abs(wrong.found[bad]) > 1e-12 * np.abs(wrong.right).max()).any():
        return None
    where = wrong.only_at(bad) or f"{int(bad.sum())} of {len(bad)} entries"
    return f"it is 0 at {where} where it should not be, right elsewhere."


def not_stopped(wrong: Wrong) -> str | None:
    """Something where nothing should be, as from a mask that lets too much through."""
    bad = wrong.differing()
    if bad.all() or (np.abs(wrong.right[bad]) > wrong.limit()).any():
        return None
    where = wrong.only_at(bad) or f"{int(bad.sum())} of {len(bad)} entries"
    return f"it should be 0 at {where} and is not, right elsewhere: does a mask let too much through?"


def clipped(wrong: Wrong) -> str | None:
    """Cut off at a largest size."""
    most = float(np.abs(wrong.found).max())
    bad = wrong.differing()
    if bad.sum() > 1 and not bad.all() and wrong.equal(wrong.found, np.clip(wrong.right, -most, most)):
        return f"it is cut off at {-most:.6g} and {most:.6g}: clipping belongs in the optimizer."
    return None


def unchanged(wrong: Wrong) -> str | None:
    """dy itself."""
    if wrong.upstream.shape == wrong.gradient.shape and wrong.equal(wrong.found, wrong.at(wrong.upstream)):
        return "it is dy, passed on unchanged."
    return None


def summed_too_far(wrong: Wrong) -> str | None:
    """One sum or mean, given to all entries along some axes."""
    if len(wrong.flat_indices) < wrong.array.size:
        return None
    right = np.empty(wrong.array.size)
    right[wrong.flat_indices] = wrong.right
    right = right.reshape(wrong.array.shape)
    for axes in axis_sets(wrong):
        what = ", ".join(wrong.axes[axis].split(",")[0] for axis in axes)
        what = "all entries" if len(axes) == wrong.array.ndim else f"every {what}"
        for word, total in (("sum", right.sum(axes, keepdims=True)), ("mean", right.mean(axes, keepdims=True))):
            if wrong.equal(wrong.found, wrong.at(np.broadcast_to(total, right.shape))):
                return f"each entry has the {word} of the right ones over {what}, but should keep its own."
    return None


MISTAKES: list[Callable[[Wrong], str | None]] = [
    zeros, factor, unchanged, order, mixed_up, missing_entries, sums, not_stopped, shifted, one_of_several, clipped,
    summed_too_far, missing_term,
]

"""One pass in float32, in which networks are trained: what comes out has to be float32 too."""
from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from ..ops.arrays import Array
from .frozen_copy import FrozenCopy
from .report import Fault
from .snapshots import named

CONSTANT = "a constant such as np.where({0} > 0, 1, 0.1) is float64; write np.where({0} > 0, 1, 0.1).astype({0}.dtype)."


def float32_faults(f: Any, train: bool, x: Array, upstream: Array, known: Container[str]) -> Iterator[Fault]:
    """Yield a fault where a layer or network turns float32 into another dtype: a float64 copy of it does not show that.

    A loss is not looked at, nor is what has parameters of another dtype, nor the gradients that are known to be wrong.
    """
    frozen, x = FrozenCopy.in_float32(f, train), x.astype(np.float32)
    if frozen is None or not np.isfinite(x).all():
        return
    try:
        y, saved = frozen.forward(x)
    except TypeError as error:  # DtypeError too, from a layer that gets float64 from the layer before it
        if frozen.params:
            yield Fault("forward", f"its parameters are float32, but for a float32 input it fails ({error}).")
        return
    except Exception:  # x, rounded to float32, may be what it refuses
        return
    if y.dtype != np.float32:
        yield Fault("forward", f"for a float32 input its output is {y.dtype}: {CONSTANT.format('x')}")
        return
    try:
        dx, grads = frozen.backward(upstream.astype(np.float32), saved)
    except TypeError as error:
        yield Fault("backward", f"for a float32 input it fails ({error}).")
        return
    except Exception:  # rounded to float32, y may have another shape
        return
    arrays = {"x": dx, **named(grads)}
    dtypes = {name: getattr(arrays.get(name), "dtype", np.float32) for name in ("x", *named(frozen.params))}
    others = {name: str(dtype) for name, dtype in dtypes.items() if name not in known and dtype != np.float32}
    if others:
        yield Fault("backward", f"for a float32 input its gradient of {', '.join(others)} is "
                    f"{' and '.join(sorted(set(others.values())))}: {CONSTANT.format('dy')}")

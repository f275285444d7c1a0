"""Training steps of tinynet and PyTorch on a GPU, in turn, and where tinynet's time goes.

    steps.py OUTPUT_FOLDER               writes steps.json
    steps.py OUTPUT_FOLDER --compiled    adds torch.compile to it, which takes long to warm up

A step is forward, loss, backward without the images' gradient, and SGD with momentum and weight decay, the images on
the GPU already. Times are by events: what the GPU takes, with its waiting for Python.
"""
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import compare
import kernel_times
import numpy as np
from common import REHEARSAL, SKIPPED, Results, needed_cupy, numbers, time_on_gpu, traced

import tinynet as tn
from tinynet.models import make_model
from tinynet.network.fast import fast_or_own

NETS: dict[str, Callable[[], Any]] = {
    "alexnet": lambda: make_model("alexnet"),
    "cifar-80sec": lambda: make_model("cifar-80sec"),
    "alexnet-medium": lambda: make_model("alexnet-medium"),
}
BATCHES = (128, 512)
ROUNDS, SECONDS = 3, 0.15  # of each contestant, and how long it runs in one
if REHEARSAL:
    NETS, BATCHES, ROUNDS, SECONDS = {"alexnet": lambda: tn.alexnet_small(16)}, (2,), 1, 0.0


def load_torch() -> Any:
    """Return PyTorch, or None."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: for a library of CUDA that is another one than CuPy's
        print(f"PyTorch cannot be imported, so there is nothing to compare with: {error}")
        return None
    torch.backends.cudnn.benchmark = True  # cuDNN tries its algorithms and takes the fastest
    return torch


def device(torch: Any) -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def time_on_torch(torch: Any, function: Callable[[], Any], seconds: float = 0.05, rounds: int = 3) -> float:
    """As `time_on_gpu`, by PyTorch's events; on a CPU by the clock."""
    def repeat(count: int) -> float:
        if device(torch) == "cpu":
            before = time.perf_counter()
            for _ in range(count):
                function()
            return (time.perf_counter() - before) / count
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            function()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / count

    function()
    count = max(1, min(200, int(seconds / max(repeat(1), 1e-6))))
    return statistics.median(repeat(count) for _ in range(1 if REHEARSAL else rounds))


def let_tf32(cupy: Any, torch: Any, allowed: bool) -> None:
    """Let both libraries round the factors of float32 products to TF32, or not."""
    if hasattr(cupy._core, "_routines_linalg"):  # the stand-in has none
        own = (cupy._core._routines_linalg.COMPUTE_TYPE_DEFAULT, cupy._core._routines_linalg.COMPUTE_TYPE_TF32)
        cupy._core._routines_linalg.set_compute_type(np.float32, own[allowed])
    os.environ["CUPY_TF32"] = str(int(allowed))  # CuPy looks at it once, tinynet when it chooses an implementation
    if torch is not None:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def our_step(net: Any, images: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    there, x = tn.to_gpu(net), tn.to_gpu(images)
    optimizer = tn.SGD(there, compare.RATE, compare.MOMENTUM, compare.DECAY)
    return lambda: tn.training_step(there, x, labels, optimizer)


def with_layers_own_methods(step: Callable[[], Any]) -> Callable[[], Any]:
    """The same step without fast implementations."""
    def run() -> None:
        with tn.plain():
            step()

    return run


def their_step(
    torch: Any, net: Any, images: np.ndarray, labels: np.ndarray, channels_last: bool = False, compiled: bool = False
) -> Callable[[], Any]:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = torch.nn.Sequential(*(compare.torch_layer(torch, layer) for layer in net.layers.values()))
    model = model.to(device(torch), memory_format=layout)
    x = torch.tensor(images).permute(0, 3, 1, 2).to(device(torch)).contiguous(memory_format=layout)
    y = torch.tensor(labels).to(device(torch))
    optimizer = torch.optim.SGD(
        model.parameters(), compare.RATE, compare.MOMENTUM, weight_decay=compare.DECAY)
    run = torch.compile(model) if compiled else model

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(run(x), y).backward()
        optimizer.step()

    return step


def in_turn(cupy: Any, torch: Any, net: Any, batch: int, compiled: bool) -> dict[str, Any]:
    """Time all contestants, one after the other and again; return seconds for a step, by round."""
    images, labels = compare.batch(net, batch)
    makers: dict[str, Callable[[], Any]] = {
        "tinynet": lambda: our_step(net, images, labels),
        "tinynet-plain": lambda: with_layers_own_methods(our_step(net, images, labels)),
    }
    if torch is not None:
        for layout in (False, True):
            name = "torch-channels-last" if layout else "torch"
            makers[name] = lambda layout=layout: their_step(torch, net, images, labels, layout, compiled)
    found: dict[str, Any] = {}
    steps = {}
    let_tf32(cupy, torch, False)
    for name, make in makers.items():
        try:
            start = time.perf_counter()
            step = make()
            step()
            steps[name] = step
            found[name] = {"first_step": time.perf_counter() - start, "seconds": []}
        except Exception as error:  # out of memory, no compiler, or whatever else: the others are to run
            found[name] = failure(error)
    for _ in range(ROUNDS):
        for tf32 in (False, True):
            let_tf32(cupy, torch, tf32)
            for name, step in steps.items():
                row = found.setdefault(f"{name}-tf32" if tf32 else name, {"seconds": []})
                if "failed" in row:
                    continue
                try:
                    row["seconds"].append(time_on_gpu(cupy, step, SECONDS, 1) if name.startswith("tinynet")
                                          else time_on_torch(torch, step, SECONDS, 1))
                except Exception as error:
                    row.update(failure(error))
    let_tf32(cupy, torch, False)
    for row in found.values():
        if "failed" not in row:
            row["images_per_second"] = batch / statistics.median(row["seconds"])
    return found


def failure(error: Exception) -> dict[str, str]:
    return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def layers(cupy: Any, torch: Any, net: Any, batch: int) -> dict[str, Any]:
    """Time each layer alone, forward and backward, tinynet's and PyTorch's of the faster layout."""
    found: dict[str, Any] = {}
    shape = net.input_shape
    first = True  # whose images need no gradient
    for name, layer in tn.to_gpu(net).layers.items():
        x = numbers(cupy, (batch, *shape))
        run = fast_or_own(layer, x, shape, name)
        y, saved = run.forward(x, True)
        back, dy, needed = fast_or_own(layer, y, shape, name, "backward"), numbers(cupy, y.shape), not first

        def times(forward, backward, x=x, dy=dy, saved=saved, needed=needed):
            return (time_on_gpu(cupy, lambda: forward(x, True), 0.01),
                    time_on_gpu(cupy, lambda: backward(dy, saved, needed), 0.01))

        found[name] = dict(zip(("forward", "backward"), times(run.forward, back.backward), strict=True))
        if run is not layer or back is not layer:
            found[name] |= {"fast": getattr(back, "label", "no"), "own_methods": times(layer.forward, layer.backward)}
        if torch is not None:
            for layout in (torch.contiguous_format, torch.channels_last):
                times = their_layer(torch, layer, (batch, *shape), needed, layout)
                if sum(times) < sum(found[name].get("torch", (1e9,))):
                    found[name]["torch"] = times
        first, shape = first and not layer.params, layer.output_shape(shape)
    return found


def their_layer(torch: Any, layer: Any, shape: tuple, needed: bool, layout: Any) -> tuple[float, float]:
    """Return the seconds of PyTorch's layer, forward and backward."""
    module = compare.torch_layer(torch, layer).to(device(torch))
    n, *rest = shape
    if len(rest) == 3:
        module = module.to(memory_format=layout)
    x = torch.rand((n, rest[-1], *rest[:-1]), device=device(torch))
    x = (x.contiguous(memory_format=layout) if x.ndim == 4 else x).requires_grad_(needed)
    y = module(x)
    wanted = [tensor for tensor in (x, *module.parameters()) if tensor.requires_grad]
    if not wanted:
        return time_on_torch(torch, lambda: module(x), 0.01), 0.0
    dy = torch.rand_like(y)
    return (time_on_torch(torch, lambda: module(x), 0.01),
            time_on_torch(torch, lambda: torch.autograd.grad(y, wanted, dy, retain_graph=True), 0.01))


def main() -> None:
    torch, cupy = load_torch(), needed_cupy()  # PyTorch first: it may not find its libraries once CuPy has its own
    results, compiled = Results(sys.argv[1], "steps.json"), "--compiled" in sys.argv
    if compiled and (torch is None or device(torch) == "cpu"):
        print("skipped: torch.compile needs PyTorch and a card that it compiles for")
        sys.exit(SKIPPED)
    if compiled:
        for name in ("cifar-80sec", "alexnet"):
            net = NETS[name]()
            print(results.attempt(lambda net=net: in_turn(cupy, torch, net, 128, True), "compiled", name, "128"))
        return
    batch = BATCHES[0]
    for name, make in NETS.items():
        net = make()
        print(name, batch, results.attempt(
            lambda net=net: in_turn(cupy, torch, net, batch, False), "steps", name, str(batch)), flush=True)
        images, labels = compare.batch(net, batch)
        for who in ("tinynet", "torch")[: 1 if torch is None else 2]:
            def one(who=who, net=net, images=images, labels=labels):
                make_step = our_step if who == "tinynet" else lambda *given: their_step(torch, *given)
                step = make_step(net, images, labels)
                step()
                step()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()  # or work that still waits would count
                return traced(step)

            if torch is not None:  # whose profiler sees the GPU
                results.attempt(one, "trace", name, who)
    net = next(iter(NETS.values()))()
    kernel_times.measure(cupy, net, batch, results)
    results.attempt(lambda: layers(cupy, torch, net, batch), "layers")
    for large, (name, make) in itertools.product(BATCHES[1:], NETS.items()):
        cupy.get_default_memory_pool().free_all_blocks()
        if torch is not None:
            torch.cuda.empty_cache()
        print(name, large, results.attempt(
            lambda make=make, n=large: in_turn(cupy, torch, make(), n, False), "steps", name, str(large)), flush=True)


if __name__ == "__main__":
    main()

"""What a convolution costs on a GPU, by its own methods and by sums of rows (network/fast_on_gpu.py)."""
import math
from collections.abc import Iterator

from ..layers import Conv2d
from ..network.fast_on_gpu import fast_convolution_on_gpu
from ..network.winograd import Tiles
from ..ops.arrays import Shape
from ..ops.window import Window
from .gpu_work import Work, expression, kernel, product


def conv_work(layer: Conv2d, shape: Shape, trainable: bool, fused: bool) -> Iterator[Work]:
    """Yield what a training step does for a convolution; arguments as in gpu_prediction's LAYERS."""
    sums_of_rows = fused and fast_convolution_on_gpu(layer, shape[1:]) is not None
    n, h, w, c = shape
    oh, ow, f = layer.output_shape(shape[1:])
    groups, rows, seen = layer.groups, n * oh * ow, math.prod(layer.window.kernel) * c // layer.groups
    part = (n, h, w, c // groups)
    y, own = rows * f, rows * f // groups
    for _ in range(groups):
        if sums_of_rows:
            yield from forward_by_sums(layer, part, (oh, ow, f // groups))
        else:
            yield kernel("forward", "im2col", part, layer.window)
            yield product("forward", rows, seen, f // groups)
            yield expression("forward", 2, own)                     # the product into its filters of y
    yield expression("forward", 2, y)                               # the biases
    for _ in range(groups):
        copies = 1 + (trainable and not sums_of_rows)               # for dw, and for dx
        if groups > 1:
            yield expression("backward", 2 * copies, own, copies)   # cuBLAS wants a group's dy in a row
        yield kernel("backward", "im2col", part, layer.window)
        yield product("backward", seen, rows, f // groups)
        if trainable and sums_of_rows:
            yield from images_gradient_by_sums(layer, part, (oh, ow, f // groups))
        elif trainable:
            yield product("backward", rows, f // groups, seen)
            yield kernel("backward", "col2im", part, layer.window)
            yield expression("backward", 2, math.prod(part))        # into its channels of dx
    yield expression("backward", 1, y, 2)                           # the biases' gradient: two sums


def forward_by_sums(layer: Conv2d, part: Shape, output: Shape) -> Iterator[Work]:
    """Yield what WinogradOnGpu's forward does for a group: part of the images (N, H, W, C/G) to `output` of each."""
    (n, _, w, c), (oh, ow, f) = part, output
    tiles, across, seen = tiled(layer, oh)
    tile_row, results = n * tiles.count * w * c, n * tiles.count * ow
    yield expression("forward", 2, layer.params["w"].size // layer.groups)
    yield product("forward", tiles.sums, len(layer.params["w"]), seen * f)              # G g
    yield expression("forward", 1, n * tiles.height * w * c)                            # zeros, and x among them
    yield expression("forward", 2, math.prod(part))
    yield expression("forward", 2 * tiles.sums, tile_row, tiles.sums)                   # the rows of all tiles
    yield product("forward", tiles.sums, tiles.sums, tile_row)                          # B.T d
    yield kernel("forward", "im2col", (tiles.sums * n, tiles.count, w, c), across)
    yield product("forward", tiles.sums * results, seen, f)
    yield product("forward", tiles.rows, tiles.sums, results * f)                       # A.T m
    yield expression("forward", 2, n * oh * ow * f, tiles.rows)                         # into their rows of y


def images_gradient_by_sums(layer: Conv2d, part: Shape, output: Shape) -> Iterator[Work]:
    """Yield what WinogradOnGpu's backward does for a group, beside the weights' gradient."""
    (n, _, w, c), (oh, ow, f) = part, output
    tiles, across, seen = tiled(layer, oh)
    tile_row, results = n * tiles.count * w * c, n * tiles.count * ow
    yield expression("backward", 2, layer.params["w"].size // layer.groups)
    yield product("backward", tiles.sums, len(layer.params["w"]), seen * f)             # G g
    yield expression("backward", 1, tiles.rows * results * f)                           # zeros, and dy among them
    yield expression("backward", 2, n * oh * ow * f, tiles.rows)
    yield product("backward", tiles.sums, tiles.rows, results * f)                      # A dy
    yield expression("backward", 2, tiles.sums * seen * f)                              # the weights' transposed copy
    yield product("backward", tiles.sums * results, f, seen)
    yield kernel("backward", "col2im", (tiles.sums * n, tiles.count, w, c), across)
    yield product("backward", tiles.sums, tiles.sums, tile_row)                         # B dV
    yield expression("backward", 1, n * tiles.height * w * c)
    yield expression("backward", 3 * tiles.sums, tile_row, tiles.sums)                  # added at the tiles' places
    yield expression("backward", 2, math.prod(part))                                    # into its channels of dx


def tiled(layer: Conv2d, height: int) -> tuple[Tiles, Window, int]:
    """Return the tiles for outputs of so many rows, the window across them, and what it sees of a group."""
    w, window = layer.params["w"], layer.window
    across = Window((1, w.shape[1]), (1, 1), (0, window.padding[1]), False)
    return Tiles(len(w), window.padding[0], height, w), across, w.shape[1] * w.shape[2]

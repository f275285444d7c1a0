# %% [markdown]
# # 11. The same on a GPU
#
# A graphics processor (GPU) runs thousands of small programs, *threads*, at the same time. tinynet has CUDA kernels,
# programs for such threads, beside its NumPy functions. This notebook answers four questions:
#
# * Who computes what, in a kernel?
# * Does a kernel give the same numbers as NumPy?
# * Why does each thread *fetch* what it needs, instead of *handing out* what it has?
# * How long should a kernel take, before anybody has run it?
#
# **You need no GPU.** Every cell runs in NumPy. A cell that would use a GPU says so, and says what it did instead.
#
# You should know notebooks 2 and 3: windows, and what each layer does. C code is shown and explained. Nothing is
# downloaded; all cells together run in some seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn
from tinynet.ops import cuda_ops
from tinynet.ops.arrays import why_no_gpu
from tinynet.plots.pictures import BLUE, ORANGE, SKY

reason = why_no_gpu()
print("a GPU will be used where a cell says so" if reason is None else f"no GPU here: {reason}")

# %% [markdown]
# ## How does a kernel look?
#
# Local response normalization divides each number by a power of a sum of squares, its own and those of its neighbours
# along the channels:
#
# $$y_c = \frac{x_c}{s_c^{\,\beta}}, \qquad s_c = k + \alpha \sum_{j = c - 2}^{c + 2} x_j^2$$
#
# In NumPy this is two lines, which work on whole arrays. Here is the layer's forward pass.

# %%
import inspect

print(inspect.getsource(tn.LocalResponseNorm.forward))

# %% [markdown]
# And here is the same in CUDA C, as it stands in [kernels/local_response_norm.cu](../kernels/local_response_norm.cu).
# A kernel is the program of **one** thread, and one thread computes one number of $y$.

# %%
text = cuda_ops.source("local_response_norm", "float")
print(text[text.index('extern "C"') : text.index("// dx =")])

# %% [markdown]
# How to read it:
#
# * The images (N, H, W, C) are taken as a table: a **row** for each pixel of each image, `rows` of them, with C
#   numbers. In memory the rows follow each other, so number `c` of row `row` stands at `row * C + c`.
# * Threads come in **blocks**, and the blocks in a **grid**. Each thread is told its index in its block
#   (`threadIdx.x`, `threadIdx.y`) and its block's index in the grid (`blockIdx.x`, `blockIdx.y`). `blockDim` is the
#   block's size. The first two lines turn these into *my* channel `c` and *my* `row`.
# * The grid is a whole number of blocks and may reach past the array. Those threads `return` at once.
# * `first` and `last` are the ends of the channel's group (its tower, where a network has two), so that the loop over
#   the neighbours stays inside.
# * `power(b, e)` is $b^e$, made of `exp2` and `log2`, which a GPU has as instructions.
# * `real` is float or double. `__restrict__` promises that the arrays do not overlap.
#
# ## Who computes what?
#
# tinynet chooses the block so that neighbouring threads have neighbouring channels: they then read neighbouring
# numbers, which the memory delivers together. Let us paint which block has which number, for a table of 7 rows, once
# with 96 channels (after conv1) and once with 384 (after conv3).

# %% tags=["picture"] alt="Rows and channels, coloured by the block of threads that computes them"
def owners(rows, C):
    """The number of the block that computes each entry, from the kernel's first lines."""
    grid, block = cuda_ops.over_rows((rows, C))
    owner = np.full((rows, C), -1)
    for bx, by in np.ndindex(grid):
        for tx, ty in np.ndindex(block):
            c, row = by * block[0] + tx, bx * block[1] + ty
            if c < C and row < rows:
                owner[row, c] = bx * grid[1] + by
    return owner, grid, block

figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
for axis, C in zip(axes, (96, 384), strict=True):
    owner, grid, block = owners(7, C)
    shade = owner % 2 + owner // grid[1] % 2                 # neighbouring blocks differ
    axis.imshow(shade, aspect="auto", cmap="Pastel1", interpolation="nearest")
    for number in range(owner.max() + 1):
        row, c = np.argwhere(owner == number).mean(axis=0)
        axis.text(c, row, f"block {number}", ha="center", va="center", fontsize=8)
    axis.set(xlabel="channel c", ylabel="row")
    axis.set_title(f"{C} channels, blocks of {block[0]} x {block[1]} threads", fontsize=10)
plt.show()

# %% [markdown]
# With 96 channels a block takes two rows; the last block has only one left, and half of its threads return at once.
#
# ## Does it give the same numbers as NumPy?
#
# We can be the GPU ourselves. Below is the kernel's text turned into Python line by line, and a loop that runs one
# thread after the other (writing the scale is left out). A real GPU runs them at the same time, in any order; since
# each writes only what is its own, the order cannot matter. We go through the threads in a random order to show it.

# %%
def kernel(blockIdx, blockDim, threadIdx, x, y, rows, C, length, half, k, alpha, beta):
    c = blockIdx[1] * blockDim[0] + threadIdx[0]
    row = blockIdx[0] * blockDim[1] + threadIdx[1]
    if c >= C or row >= rows:
        return
    first = c - c % length
    last = first + length - 1
    total = 0.0
    for near in range(max(first, c - half), min(last, c + half) + 1):
        value = x[row * C + near]
        total += value * value
    here = row * C + c
    y[here] = x[here] * (k + alpha * total) ** -beta

def launch(kernel, grid, block, *arguments):
    threads = [((bx, by), (tx, ty)) for bx in range(grid[0]) for by in range(grid[1])
               for tx in range(block[0]) for ty in range(block[1])]
    for i in np.random.default_rng(0).permutation(len(threads)):
        kernel(threads[i][0], block, threads[i][1], *arguments)
    return len(threads)

# %%
rows, C = 7, 96
layer = tn.LocalResponseNorm(alpha=0.5, groups=2)              # two groups of 48 channels
x = np.random.default_rng(1).standard_normal((rows, C))
y = np.zeros(x.size)
grid, block = cuda_ops.over_rows(x.shape)
count = launch(kernel, grid, block, x.ravel(), y, rows, C, C // 2, 2, layer.k, layer.alpha, layer.beta)

expected = layer.forward(x)[0]
difference = np.abs(y - expected.ravel()).max()
print(f"{count} threads for {x.size} numbers; largest difference from NumPy {difference:.0e}")

# %% [markdown]
# **And on a real GPU?** The layer is told nothing: it looks at which library its array belongs to. `tn.to_gpu(x)`
# copies an array (or a whole network) there.

# %%
if reason is None:
    on_device = tn.to_cpu(layer.forward(tn.to_gpu(x))[0])
    print(f"the GPU's largest difference from NumPy: {np.abs(on_device - expected).max():.0e}")
else:
    print(f"left out: this cell needs a GPU ({reason})")

# %% [markdown]
# ## Why does each thread fetch, instead of handing out?
#
# In the backward pass through overlapping windows, a pixel gets a sum: one part from each window that saw it. Take a
# row of pixels and windows of 3 that are 1 apart; window $i$ saw the pixels $i$, $i + 1$, $i + 2$, and has a part for
# each.
#
# The obvious way is to let each window hand out its parts, **scatter**: `dx[pixel] += part`. Now let all threads do
# that at the same time. Each reads `dx[pixel]`, adds, and writes the sum back. Two that read before either has
# written both start from the old value, and one addition is lost. NumPy's `+=` with a list of indices behaves just
# like that.

# %%
rng = np.random.default_rng(2)
windows, size = 1000, 3
parts = rng.standard_normal((windows, size)).astype(np.float32)
pixels = np.arange(windows)[:, None] + np.arange(size)            # the pixels that each window saw

exact = np.zeros(windows + size - 1)                              # float64: the measure for the others
np.add.at(exact, pixels, parts.astype(np.float64))

lost = np.zeros(windows + size - 1, np.float32)
lost[pixels] += parts                                             # all read, then all write
wrong = np.sum(np.abs(lost - exact) > 1e-5)
print(f"{wrong} of {exact.size} pixels are wrong")

# %% [markdown]
# The remedy that GPUs have is the **atomic** addition: read, add and write in one go, others wait. NumPy's
# `np.add.at` stands for it here. No addition is lost. But in which order do they arrive? On a GPU nobody says, and in
# floating point $(a + b) + c$ is not $a + (b + c)$ to the last digit. We let them arrive in 20 random orders and
# count how many different results come out.

# %%
def with_atomics(order):
    dx = np.zeros(windows + size - 1, np.float32)
    np.add.at(dx, pixels.ravel()[order], parts.ravel()[order])
    return dx

results = [with_atomics(rng.permutation(parts.size)) for _ in range(20)]
print(f"largest error: {max(np.abs(dx - exact).max() for dx in results):.0e}")
print("different results in 20 runs:", len({dx.tobytes() for dx in results}))

# %% [markdown]
# Right, but never twice the same: a training that cannot be repeated, and a bug that comes and goes. **Gather** turns
# the question around. A thread has one *pixel*, asks which windows saw it, fetches their parts in a fixed order and
# writes the sum once. Pixel $h$ was seen by the windows $h - 2$, $h - 1$, $h$, as far as these exist.

# %%
def pixel(h):
    """What the thread of pixel h does."""
    total = np.float32(0)
    for p in range(size):                        # pixel h has the position p in window h - p
        if 0 <= h - p < windows:
            total += parts[h - p, p]
    return total

def with_gather(order):
    dx = np.zeros(windows + size - 1, np.float32)
    for h in order:                              # in whatever order the threads run
        dx[h] = pixel(h)
    return dx

results = [with_gather(rng.permutation(windows + size - 1)) for _ in range(20)]
print(f"largest error: {max(np.abs(dx - exact).max() for dx in results):.0e}")
print("different results in 20 runs:", len({dx.tobytes() for dx in results}))

# %% [markdown]
# All of tinynet's kernels gather. Here is the real one for images, [kernels/col2im.cu](../kernels/col2im.cu). `i` and
# `j` run over the windows that see pixel (h, w), and `p`, `q` is the pixel's position in such a window: `h - p` and `p`
# from above, in two dimensions and with strides.

# %%
text = cuda_ops.source("col2im", "float")
print(text[text.index("    int last_i") :])

# %% [markdown]
# ## How long should a kernel take?
#
# Before one measures, one can work out what cannot be beaten. A kernel reads and writes **bytes**, and a GPU's memory
# delivers so many bytes a second, its **bandwidth**. For the normalization after the first layer of the paper's
# network, at a batch of 128 images: it reads $x$ and writes $y$ and the scale $s$, 4 bytes each.

# %%
from tinynet.measure.gpu_prediction import H100, LAPTOP, OF_BANDWIDTH, predict_kernel

numbers = 128 * 55 * 55 * 96
moved = 3 * 4 * numbers
for card in (H100, LAPTOP):
    print(f"{card.name}: {moved / 1e6:.0f} MB at {card.bandwidth / 1e9:.0f} GB/s: "
          f"{1e3 * moved / card.bandwidth:.2f} ms, with {OF_BANDWIDTH:.0%} of the bandwidth "
          f"{1e3 * moved / card.bandwidth / OF_BANDWIDTH:.2f} ms")

# %% [markdown]
# The bandwidths are the makers' published numbers, and that four fifths of them is reached is an assumption. A kernel
# also has **instructions** to carry out, and takes the longer of the two times. tinynet's `predict_kernel` works out
# both.
#
# **Which kernels wait for memory, and which for arithmetic?** We compare each kernel's prediction with the time of
# its bytes alone. `window_max` is max-pooling's forward pass and `window_max_back` its backward pass.

# %%
from tinynet.measure.gpu_prediction import kernel_cost
from tinynet.ops import make_window

pool = make_window("pool", kernel_size=3, stride=2, padding=0, ceil_mode=False)
shape = (128, 55, 55, 96)
print(f"{'ms':26}" + "".join(f"{'bytes':>8}{name:>8}{'waits for':>13}   " for name in ("H100", "laptop")))
for name in ("local_response_norm", "local_response_norm_back", "window_max", "window_max_back"):
    window = None if name.startswith("local") else pool
    line = f"{name:26}"
    for card in (H100, LAPTOP):
        memory = kernel_cost(name, shape, window)[0] / (OF_BANDWIDTH * card.bandwidth)
        whole = predict_kernel(name, shape, card.bandwidth, card.flops, window)
        waits_for = "memory" if whole == memory else "instructions"
        line += f"{1e3 * memory:8.2f}{1e3 * whole:8.2f}{waits_for:>13}   "
    print(line)

# %% [markdown]
# The same kernel can wait for one thing on one card and for the other on another. It is the *ratio* of a card's
# arithmetic to its bandwidth that decides.
#
# **And a whole training step?** `step_work` lists all that the GPU does in a step of the paper's network: matrix
# products (the maker's library cuBLAS), the kernels, and array expressions that CuPy turns into kernels by itself.
# The bars are predictions from published rates. No time here was measured on a GPU.

# %% tags=["picture"] alt="How a predicted step on two cards divides into products, kernels and expressions"
from collections import defaultdict

from tinynet.measure.gpu_prediction import step_work

net = tn.alexnet()
plt.figure(figsize=(9, 2.6))
for row, card in enumerate((H100, LAPTOP)):
    times = defaultdict(float)
    for work in step_work(net, batch=128):
        kind = work.what if work.what in ("product", "expression") else "kernel"
        times[kind] += 1e3 * work.seconds(card.bandwidth, card.flops)
    total, left = sum(times.values()), 0.0
    print(f"{card.name}: {total:.0f} ms in all")
    for kind, colour in (("product", BLUE), ("kernel", ORANGE), ("expression", SKY)):
        label = kind if row == 0 else None
        plt.barh(row, times[kind] / total, left=left, color=colour, label=label)
        left += times[kind] / total
plt.yticks((0, 1), (H100.name, LAPTOP.name))
plt.xlabel("part of the predicted step")
plt.legend(loc="upper center", bbox_to_anchor=(0.5, 1.25), ncols=3)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## What to do with a real GPU
#
# `tinynet gpu-check` compares every kernel, every layer and a training step with NumPy, in float32 and in float64,
# and prints the measured time of each beside the predicted one. It is the first thing to run on a machine with a GPU.
# Where there is none it says why, and that is what it does now if you have none.

# %%
import subprocess
import sys

if reason is None:
    print("a GPU is here: run `tinynet gpu-check` in a terminal")
else:
    command = [sys.executable, "-m", "tinynet", "gpu-check"]
    told = subprocess.run(command, capture_output=True, text=True)
    print(told.stdout + told.stderr)

# %% [markdown]
# ## Exercise
#
# A convolution's biases and the ReLU after it are two steps: `y = y + b` reads and writes all of `y`, and `max(y, 0)`
# reads and writes it again. A **fused** kernel would do both at once.
#
# 1. How many bytes does fusing save after conv1 of the paper's network, $55 \times 55 \times 96$ numbers of 4 bytes
#    for each of 128 images?
# 2. How many milliseconds is that on the H100, and what share of the whole step?
# 3. Would you write that kernel?

# %%
numbers = 128 * 55 * 55 * 96
# your calculation; H100.bandwidth, OF_BANDWIDTH and `net` are there from above

# %% [markdown]
# <details><summary>Solution</summary>
#
# Unfused, `y` is read and written twice; fused, once. One reading and one writing are saved, 8 bytes for each number.
#
# ```python
# from tinynet.measure.gpu_prediction import predict_step
#
# saved = 8 * 128 * 55 * 55 * 96
# seconds = saved / (OF_BANDWIDTH * H100.bandwidth)
# step = predict_step(net, 128, H100.bandwidth, H100.flops)
# print(f"{saved / 1e6:.0f} MB, {1e3 * seconds:.2f} ms, {seconds / step:.1%} of the step")
# ```
#
# It prints 297 MB, 0.11 ms and 0.7% of the step (a prediction, like all times here). For all layers together
# [kernels/README.md](../kernels/README.md) predicts 1.7%. tinynet leaves it out: the kernel would reach across two
# layers, which a reader then could no longer understand one by one. Normalization, where one saves 12% for both passes,
# got a kernel of its own.
#
# </details>

# %% [markdown]
# # 10. From loops to fast code
#
# A convolution is six nested loops around one multiplication. Written so in Python it takes seconds for one image of
# one layer. tinynet takes a tiny part of that, still in Python and NumPy. This notebook answers three questions:
#
# * Where does the time go, and how does one get rid of it, rung by rung?
# * How fast could it be at best, and what sets that limit?
# * Can one go below the limit? (Yes: with fewer multiplications.)
#
# All times are measured while you run it, on your machine; the committed ones come from two cores of a server.
#
# You should know notebook 2: convolution as a matrix product. Nothing is downloaded; all cells together run in some
# seconds.

# %%
import inspect
import os
import time

import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn
from tinynet.lessons import speed
from tinynet.measure.profiling import copy_rate, median, product_rate
from tinynet.ops.threads import one_blas_thread
from tinynet.plots.pictures import BLUE, ORANGE, speed_ladder

print(f"{tn.set_threads()} threads, {os.cpu_count()} cores, NumPy {np.__version__}")

# %% [markdown]
# ## What is there to do?
#
# Our example is half of the second convolution of AlexNet (one of its two towers). The letters: N images of H x W
# pixels with C channels; filters of KH x KW positions, F of them.

# %%
N, H, W, C, KH, KW, F = 32, 27, 27, 48, 5, 5, 128
layer = tn.Conv2d(C, F, (KH, KW), padding=2)                  # padding 2 keeps 27 x 27 pixels
w = layer.params["w"]                                         # (KH, KW, C, F), float32
x = np.random.default_rng(0).standard_normal((N, H, W, C), dtype=np.float32)

multiply_adds = H * W * F * KH * KW * C                       # each output sums up KH * KW * C products
print(f"{multiply_adds:,} multiplications and as many additions for one image")

# %% [markdown]
# ## Rung 1: loops. What does the definition cost?
#
# $$y_{i j f} = \sum_{a=0}^{KH-1} \sum_{b=0}^{KW-1} \sum_{c=0}^{C-1} x_{i+a,\ j+b,\ c}\ w_{a b c f}$$
#
# Here $x$ is the image with its padding of zeros around it. Three indices say which output, three are summed over: six
# loops. We run them for 4 rows and 16 filters only, and
# scale the time up to a whole image.

# %%
print(inspect.getsource(speed.loops))

# %%
seconds = {}                                                  # for one image, by rung

start = time.perf_counter()
y = speed.loops(x, w, rows=4, filters=16)
part = y.size / (H * W * F)
seconds["loops"] = (time.perf_counter() - start) / part
print(f"{part:.2%} of an image computed; a whole one would take {seconds['loops']:.1f} s, "
      f"{1e9 * seconds['loops'] / multiply_adds:.0f} ns for each multiply-add")

# %% [markdown]
# We will see that the same processor can do it in a small part of a nanosecond. The rest is Python: looking up
# objects, checking types, counting.
#
# ## Rung 2: windows. Leave the inner loops to NumPy
#
# The three inner loops are one product of a window, laid out as a row of KH KW C numbers, with a matrix that has a
# filter in each column.

# %%
print(inspect.getsource(speed.windows))

# %%
few = x[:2]
start = time.perf_counter()
y = speed.windows(few, w)
seconds["windows"] = (time.perf_counter() - start) / len(few)
print(f"{seconds['loops'] / seconds['windows']:,.0f} times faster than loops")

# %% [markdown]
# ## Rung 3: im2col. One large product
#
# A product of one row with a matrix reads the whole matrix to use each number once. If all windows are rows of *one*
# matrix, each number that is fetched gets used many times. Laying the windows out is called **im2col**; notebook 2
# takes it apart.

# %%
print(inspect.getsource(speed.as_a_product))

# %%
with one_blas_thread():                                       # one core: like with like
    seconds["im2col"] = median(lambda: speed.as_a_product(x, layer)) / N
print(f"{seconds['windows'] / seconds['im2col']:.1f} times faster than windows")

cols_size = N * H * W * KH * KW * C * 4                       # bytes
print(f"the matrix has {cols_size / 1e6:.0f} MB, the images {x.nbytes / 1e6:.1f} MB")

# %% [markdown]
# ## Rung 4: blocks. Keep the matrix near
#
# Each pixel stands in that matrix 25 times. It is far larger than the processor's **cache**, the small and fast
# memory beside it, so it is written out to main memory and read back. A few images at a time make a matrix that is
# used before it has to leave.
#
# ## Rung 5: threads
#
# Blocks do not depend on each other, so that each core can take its own.

# %%
print(inspect.getsource(speed.in_blocks) + "\n" + inspect.getsource(speed.in_threads))

# %%
with one_blas_thread():
    seconds["blocks"] = median(lambda: speed.in_blocks(x, layer)) / N
    seconds["threads"] = median(lambda: speed.in_threads(x, layer)) / N
    same = np.allclose(speed.in_threads(x, layer), speed.as_a_product(x, layer), rtol=1e-3, atol=1e-4)
for name, before in (("blocks", "im2col"), ("threads", "blocks")):
    print(f"{name}: {seconds[before] / seconds[name]:.2f} times faster than {before}")
print("the same numbers, to rounding:", same)

# %% [markdown]
# ## How fast could it be at best?
#
# As fast as this machine multiplies matrices at all. `product_rate` measures that: floating-point operations a second
# in large products, each multiply-add counted as two, in billions (GFLOP/s). Dividing our operations by it gives a time
# that no code of this kind can go below.

# %% tags=["picture"] alt="Milliseconds for an image: from loops over windows, im2col and blocks down to threads"
rate = 1e9 * product_rate()
limit = 2 * multiply_adds / rate
print(f"{rate / 1e9:.0f} GFLOP/s with all threads; limit {1e3 * limit:.2f} ms; "
      f"reached: {limit / seconds['threads']:.0%} of the limit's speed")
speed_ladder({name: 1e3 * t for name, t in seconds.items()}, 1e3 * limit)

# %% [markdown]
# The axis is logarithmic: each number on it is ten times the one before. The first step, out of Python's loops, is by
# far the largest.
#
# ## Why does memory matter?
#
# How fast can numbers be had at all? We add arrays of growing size, again and again, and count the bytes that are
# read and written in a second.

# %% tags=["picture"] alt="GB/s by size of the arrays: rising to a peak, falling by half, and then falling again"
sizes = 2 ** np.arange(12, 28)                                # bytes of both arrays together
speeds = []
for size in sizes:
    a = np.ones(size // 8, np.float32)
    b = np.ones_like(a)
    often = max(1, 2**22 // size)

    def add(a=a, b=b, often=often):
        for _ in range(often):
            np.add(a, 1, out=b)                               # reads a, writes b
    speeds.append(often * size / median(add) / 1e9)

plt.figure(figsize=(8, 3.4))
plt.semilogx(sizes / 1e3, speeds, color=BLUE, marker="o", markersize=4)
plt.axvline(cols_size / 1e3, color=ORANGE, linestyle="--", label="im2col's matrix for 32 images")
plt.axvline(cols_size / 1e3 / N, color=ORANGE, linestyle=":", label="for one image")
plt.xlabel("kB that the two arrays take")
plt.ylabel("GB/s")
plt.ylim(0)
plt.grid(alpha=0.3)
plt.legend()
plt.show()

# %% [markdown]
# On the left a call of NumPy costs more than the addition itself. In the middle the arrays fit into a cache; on the
# right they come from main memory. The steps lie where a cache ends, so they differ from machine to machine.
#
# **Which layers does this slow down?** What counts is how many operations there are for each byte moved. A processor
# that does R operations and moves B bytes a second has both to do; the slower one decides.

# %%
single, moved = 1e9 * product_rate(1), 1e9 * copy_rate()      # one thread: operations, bytes a second
numbers = H * W * F                                           # one image's output
work = {                                                      # operations, bytes
    "ReLU": (numbers, 8 * numbers),                           # reads 4 bytes, writes 4
    "convolution": (2 * multiply_adds, x[0].nbytes + w.nbytes + 4 * numbers),
    "... with im2col": (2 * multiply_adds, x[0].nbytes + w.nbytes + 4 * numbers + 2 * cols_size // N),
}
print(f"this machine, one thread: {single / 1e9:.0f} GFLOP/s, {moved / 1e9:.0f} GB/s, "
      f"so {single / moved:.1f} operations for each byte\n")
print(f"{'':18}{'operations a byte':>18}{'ms arithmetic':>15}{'ms memory':>11}")
for name, (operations, size) in work.items():
    arithmetic, memory = 1e3 * operations / single, 1e3 * size / moved
    print(f"{name:18}{operations / size:18.1f}{arithmetic:15.3f}{memory:11.3f}")

# %% [markdown]
# A ReLU waits for memory, whatever its arithmetic costs: a faster formula would gain nothing, doing it while the
# numbers are still in the cache gains much. That is why tinynet sends each block of images through many layers at
# once before it takes the next. A convolution has work enough for each byte. im2col's matrix, written once and read
# once, takes a good part of that reserve, and more where several cores share one memory.
#
# ## Can one go below the limit?
#
# The limit holds for code that carries out all multiplications. Two neighbouring outputs of a filter with three
# weights $g_0, g_1, g_2$ on four inputs $d_0 \dots d_3$ take six:
#
# $$y_0 = d_0 g_0 + d_1 g_1 + d_2 g_2, \qquad y_1 = d_1 g_0 + d_2 g_1 + d_3 g_2$$
#
# Winograd (1980) found a way with four:
#
# $$m_0 = (d_0 - d_2)\, g_0, \quad m_1 = (d_1 + d_2) \tfrac{g_0 + g_1 + g_2}{2}, \quad
# m_2 = (d_2 - d_1) \tfrac{g_0 - g_1 + g_2}{2}, \quad m_3 = (d_1 - d_3)\, g_2$$
#
# $$y_0 = m_0 + m_1 + m_2, \qquad y_1 = m_1 - m_2 - m_3$$
#
# On numbers:

# %%
d, g = np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 30])
print("six products: ", d[0:3] @ g, d[1:4] @ g)

inputs = np.array([d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]])
weights = np.array([g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2]])
m = inputs * weights                                          # the four products
print("four products:", m[0] + m[1] + m[2], m[1] - m[2] - m[3])

# %% [markdown]
# More additions, fewer multiplications. Why is that a bargain? Because in a layer each $d$ and $g$ stands for many
# numbers. The sums of weights are made once for all images. The sums of inputs are made once for all filters, and the
# additions at the end once for all channels. The products in the middle, all pairs of C channels and F filters, are
# nearly all of the work, and there are fewer of them.
#
# All additions are products with small fixed matrices: $y = A^T\,[(G g) \odot (B^T d)]$, where $\odot$ multiplies
# entry by entry. [network/winograd.py](../tinynet/network/winograd.py) says where the matrices come from.

# %%
from tinynet.network import winograd

A_T, G, B_T = winograd.matrices(outputs=2, taps=3)
print("B^T =", B_T, sep="\n")
print("y =", A_T @ ((G @ g) * (B_T @ d)))

# %% [markdown]
# (These matrices put their signs elsewhere than the formulas above; the result is the same.)
#
# M outputs of R weights take M + R - 1 products instead of M R. For our filters of five rows tinynet takes four
# outputs, one below the other, at a time: 8 products instead of 20. **Does it pay?** This is the **fast
# implementation** of our layer, other code for the same numbers, and `fast_or_own` gives what a `Network` runs. Both on
# one core, a block of four images.

# %%
from tinynet.network.fast import fast_or_own

block = x[:4]
fast = fast_or_own(layer)
print(f"{type(layer).__name__} in a network runs as {type(fast).__name__}: {fast.label}")
with one_blas_thread():
    plain_time, fast_time = (median(lambda run=run: run.forward(block)) / 4 for run in (layer, fast))
single_limit = 2 * multiply_adds / single
print(f"im2col {1e3 * plain_time:.2f} ms, Winograd {1e3 * fast_time:.2f} ms an image; "
      f"the limit for all multiplications is {1e3 * single_limit:.2f} ms")

exact = layer.astype("float64").forward(block.astype("float64"))[0]
for name, run in (("im2col", layer), ("Winograd", fast)):
    error = np.abs(run.forward(block)[0] - exact).max() / np.abs(exact).max()
    print(f"{name}: largest error in float32, as a part of the largest output: {error:.0e}")

# %% [markdown]
# Nothing is free: sums of inputs are rounded, and the more outputs are made together, the more digits are lost. tinynet
# stops at eight products: for four outputs of a filter of five rows, as here, or for six of three rows.
#
# ## Which code runs, then?
#
# You read `layers/conv.py`, and Winograd's sums run? Only as long as both give the same numbers. Before its first use a
# fast implementation is compared with the layer's own methods on one trial image; if they differ, the layer's own run,
# and a warning says so ([network/fast.py](../tinynet/network/fast.py)). A method of your own always runs. And inside
# `with tn.plain():` all layers run as their files are written, so that a `print` or a breakpoint in them works.

# %%
def chatty(x, train=False):
    print("  our own forward, with", len(x), "images")
    return tn.Conv2d.forward(layer, x, train)

net = tn.Network([("conv2", layer)])
print("fast:", type(fast_or_own(layer)).__name__)
y_fast, _ = net.forward(block)

with tn.plain():
    print("inside plain():", type(fast_or_own(layer)).__name__)
    y_plain, _ = net.forward(block)
print(f"  differs by at most {np.abs(y_fast - y_plain).max() / np.abs(y_plain).max():.0e} of the largest number")

layer.forward = chatty                                        # a patch, on this one layer
print("patched:", type(fast_or_own(layer)).__name__)
net.forward(block)
del layer.forward

# %% [markdown]
# On a CPU convolution, pooling and local response normalization have fast implementations. `tn.set_fast(False)`
# switches them off for a whole program.
#
# `tinynet lesson speed` climbs the ladder on the command line; `tinynet profile alexnet` shows what each layer of the
# whole network runs as, and its time beside the machine's limit.
#
# ## Exercise
#
# The trick works in both directions of an image at once: apply it down, and to each of the products across. For a 3 x
# 3 filter and outputs that are made in **tiles**, M x M at a time:
#
# 1. How many products does a tile need, plainly and with Winograd's trick? What is the factor for M = 2 and for M =
#    4?
# 2. What happens to the factor as M grows, and why does nobody take M = 20? Look at the matrices of
#    `winograd.matrices(4, 3)` before you answer.

# %%
M, R = 2, 3
# your calculation

# %% [markdown]
# <details><summary>Solution</summary>
#
# Plainly $M^2 R^2$; with the trick $(M + R - 1)^2$, since each direction needs $M + R - 1$.
#
# ```python
# for M in (2, 4, 20):
#     print(M, (M * R) ** 2, (M + R - 1) ** 2, (M * R) ** 2 / (M + R - 1) ** 2)
# print(winograd.matrices(4, 3)[0])
# ```
#
# It prints factors of 2.25 and 4 for M = 2 and 4, and 7.4 for M = 20. As M grows the factor approaches $R^2 = 9$. But
# the matrices contain powers of the points that they are built on, up to $2^3$ for M = 4 and enormous ones for M =
# 20. Large and small numbers are then added, and float32 has no digits left; and the additions, which we treated as
# free, grow as well.
#
# </details>
#
# Next: [11. The same on a GPU](11_gpu.ipynb)

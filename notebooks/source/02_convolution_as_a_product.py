# %% [markdown]
# # 2. Convolution as a matrix product
#
# **A convolution slides a small window over an image. How does that become one product of two matrices, and why would
# anybody want it to?** By the end you will have written a convolution, forward and backward, in about ten lines, that
# gives the numbers of tinynet's own.
#
# You should know notebook 1: what a layer, its weights and its gradients are. Nothing is downloaded; all cells together
# run in a few seconds.

# %%
import numpy as np

import tinynet as tn
from tinynet.ops import col2im, im2col
from tinynet.tracing.pictures import activation_maps, im2col_picture

# %% [markdown]
# ## What does one output of a convolution see?
#
# A neuron of a fully connected layer sees the whole image, with a weight for each pixel. A neuron of a
# **convolution** sees a small **window**, here 3 x 3 pixels. Its nine weights are called a **filter**. The image below
# is dark on the left and bright on the right; the filter subtracts what is left from what is right.

# %%
image = np.array([
    [0, 0, 1, 2, 2],
    [0, 0, 1, 2, 2],
    [0, 0, 1, 2, 2],
    [0, 0, 0, 1, 2],
    [0, 0, 0, 1, 2],
], dtype=np.float32)
filter_0 = np.array([
    [-1, 0, 1],
    [-1, 0, 1],
    [-1, 0, 1],
], dtype=np.float32)

window = image[1:4, 2:5]  # three rows and three columns, from row 1 and column 2 on
print(window)
print("sum of the products:", (window * filter_0).sum())

# %% [markdown]
# By hand: the right column of the window is 2, 2, 2 and the left one 1, 1, 0, so $6 - 2 = 4$. The brightness rises from
# left to right here, and the neuron answers with a number above zero.
#
# Now put the window on every position where it fits, always with *the same* nine weights. The output $y$ is an image
# again, with a pixel $(i, j)$ for each window:
#
# $$y_{ij} = b + \sum_{a=0}^{2} \sum_{c=0}^{2} x_{i+a,\,j+c} \; w_{ac}$$
#
# Here $x$ is the image, $w$ the filter, $b$ its bias, and $a$ and $c$ go over the rows and columns of the window.
# Below, H and W are the height and width of the image, KH and KW those of the window, OH and OW those of the output.

# %%
def convolve(image, weights, bias=0.0):
    """Go over all windows, one after the other."""
    size = len(weights)
    y = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (image[i : i + size, j : j + size] * weights).sum() + bias
    return y


convolve(image, filter_0)

# %% [markdown]
# Find our 4 in it: the window began at row 1, column 2, so it is in row 1, column 2 of the output.
#
# (In mathematics, a convolution turns the filter by 180 degrees first. Today's usual frameworks do not; what they call
# convolution is properly a cross-correlation. As the weights are learned, it makes no difference.)
#
# The output of a filter is a **map**: one number for each place. In the next layer the maps are what colours are in an
# image, its **channels**. A neuron, one of these numbers, is also called a **unit**.

# %% [markdown]
# ## How many windows fit?
#
# With an image of H pixels, a window of K and steps of S pixels (the **stride**), and P zeros put around the image on
# each side (the **padding**), the output has this many rows ($\lfloor\ \rfloor$ means: rounded down):
#
# $$\text{OH} = \left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1$$
#
# Here that is $(5 - 3) / 1 + 1 = 3$. In AlexNet's first layer K = 11, S = 4, P = 0:

# %%
for size in (227, 224):
    print(f"an image of {size}: ({size} - 11) / 4 + 1 = {(size - 11) / 4 + 1} windows in a row")

# %% [markdown]
# The 2012 paper says that its images are 224 x 224 *and* that the first layer gives 55 x 55. With these settings both
# cannot be true. Most people take 227. The authors' own program, published in 2025, takes 224 and rounds *up*, so that
# the last windows reach past the edge. `tn.alexnet()` is for 227, `tn.alexnet("source2012")` for 224.

# %% [markdown]
# ## Where is the matrix product?
#
# Each output is a sum of products of pairs, as in a fully connected layer. So write the nine pixels of each window into
# one row, and put the rows below each other. For each output there is one row. This is called **im2col** ("image to
# columns": the name comes from programs in which each window becomes a column).

# %%
rows = []
for i in range(3):
    for j in range(3):
        rows.append(image[i : i + 3, j : j + 3].reshape(-1))  # 3 x 3 becomes 9
cols = np.array(rows)  # (OH*OW, KH*KW) = (9, 9)
cols

# %% [markdown]
# tinynet has the same in [ops/numpy_ops.py](../tinynet/ops/numpy_ops.py). It takes a batch of N images with C
# channels (colours), of shape (N, H, W, C), and a layer's window. The picture shows the image with one window on it,
# the patch under the window, and which row of the matrix the patch became.

# %% tags=["picture"] alt="An image of 5 x 5 with a framed window, and the matrix in which this window is one row"
layer = tn.Conv2d(1, 1, kernel_size=3)  # 1 channel in, 1 filter
batch = image.reshape(1, 5, 5, 1)
print("equal to ours:", np.array_equal(im2col(batch, layer.window), cols))
im2col_picture(layer, batch[0], at=(1, 2))

# %% [markdown]
# Now the filter, as a column of nine numbers, times this matrix gives all nine outputs:

# %%
(cols @ filter_0.reshape(9, 1)).reshape(3, 3)

# %% [markdown]
# ## And with several filters, colours and images?
#
# - F filters are F columns: `w` has the shape (KH\*KW\*C, F), and one product gives all outputs of all filters.
# - Colours make the rows longer: a window of 3 x 3 with 3 colours has 27 numbers.
# - More images are more rows.
#
# That is the whole forward pass of [tinynet/layers/conv.py](../tinynet/layers/conv.py): `im2col(x) @ w + b`.

# %%
layer = tn.Conv2d(3, 4, kernel_size=3, padding=1, bias=0.1)  # 3 colours in, 4 filters
generator = np.random.default_rng(0)
x = generator.standard_normal((2, 6, 5, 3)).astype(np.float32)  # (N, H, W, C): two images

w = layer.params["w"]  # (KH, KW, C, F)
cols = im2col(x, layer.window)
y = (cols @ w.reshape(-1, 4) + layer.params["b"]).reshape(2, 6, 5, 4)  # (N, OH, OW, F)

print("cols has the shape", cols.shape, "= (2 images * 6 * 5 windows, 3 * 3 * 3 numbers)")
print("largest difference from the layer:", np.abs(y - layer.forward(x)[0]).max())

# %% [markdown]
# With padding 1, the first window begins one row above and one column left of the image. In the picture the grey frame
# is the image, and what is outside of it is zeros.

# %% tags=["picture"] alt="Three channels with a framed window in each, and the matrix in which they are one row"
im2col_picture(layer, x[0].round(1), at=(0, 1))

# %% [markdown]
# ## What does it cost, and what does it buy?
#
# Windows overlap, so each pixel is written many times. For one tower of AlexNet's second layer, with windows of 5 x 5:

# %%
height, width, channels, kernel = 27, 27, 48, 5
numbers_in = height * width * channels
in_matrix = height * width * kernel * kernel * channels
print(f"{numbers_in:,} numbers become {in_matrix:,}: {in_matrix / numbers_in:.0f} times as many")

# %% [markdown]
# 25 times the memory, and not one multiplication saved. What it buys is speed: a product of two large matrices is what
# processors, and the libraries under NumPy, have been tuned for over decades. For this layer and one image, loops in
# Python took 8,400 milliseconds on our machine, and im2col with one product 1.3
# ([results](../results/README.md)). Notebook 10 measures it on yours, step by step.

# %% [markdown]
# ## What do filters do to a real picture?
#
# Here is a drawn shape, and four filters made by hand: two for edges, one that blurs, and one for spots. Blue is below
# zero, white zero, orange above; full colour is for numbers of the size that the title says, and beyond. The strong
# lines along the border come from the padding: beside its zeros, the edge of a grey picture is an edge.

# %% tags=["picture"] alt="A star, and what four filters make of it: upright edges, level edges, a blur, an outline"
shapes = tn.data.draw_shapes(40, size=64)
star = shapes.images[shapes.labels == 6][2]  # (64, 64, 3), class 6 is "star"
grey = star.mean(axis=2, keepdims=True).astype(np.float32) / 255  # (64, 64, 1), from 0 to 1
by_hand = tn.Conv2d(1, 4, kernel_size=3, padding=1)
by_hand.params["w"][..., 0, 0] = filter_0
by_hand.params["w"][..., 0, 1] = filter_0.T
by_hand.params["w"][..., 0, 2] = 1 / 9
by_hand.params["w"][..., 0, 3] = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]) / 4
maps, _ = by_hand.forward(grey[None])
together = np.concatenate([grey, maps[0]], axis=2)
activation_maps(together, "image, left to right, top to bottom, blur, spots")

# %% [markdown]
# Nobody makes the 96 filters of AlexNet's first layer by hand: they are learned. Many come out as edge filters all the
# same.

# %% [markdown]
# ## And backward? First the filter
#
# Say that we know `dy`, the gradient of the loss at each output. A weight was used once for each row of `cols`. So its
# gradient is a sum over all rows: what it was multiplied with there, times the `dy` of that output. That is
#
# `dw = cols.T @ dy`
#
# with `dy` laid out as rows, too, (N\*OH\*OW, F). It is the rule of the fully connected layer again, with `cols` for
# `x`.

# %%
dy = generator.standard_normal(y.shape).astype(np.float32)
dy_rows = dy.reshape(-1, 4)  # (N*OH*OW, F)
dw = (cols.T @ dy_rows).reshape(3, 3, 3, 4)
db = dy_rows.sum(axis=0)

dx, grads = layer.backward(dy, layer.forward(x)[1])
print("dw differs by at most", np.abs(dw - grads["w"]).max(), "  db by", np.abs(db - grads["b"]).max())

# %% [markdown]
# (Where a difference is not zero on your machine, it is rounding: float32 has about seven digits, and the same numbers
# added in another order may differ in the last.)

# %% [markdown]
# ## Then the image
#
# The gradient of the matrix is easy, again as in a fully connected layer: `dcols = dy_rows @ w.T`. But one pixel stands
# in several rows of the matrix, once for each window that saw it. You know the rule: when one number goes to several
# places, its gradients from there are added. **col2im** does that: it goes over the matrix and *adds* each number to
# the pixel that it came from.
#
# How often was each pixel of our 5 x 5 image seen? Put ones into the matrix and add them back:

# %%
layer_5x5 = tn.Conv2d(1, 1, kernel_size=3)
col2im(np.ones((9, 9), dtype=np.float32), (1, 5, 5, 1), layer_5x5.window)[0, :, :, 0]

# %% [markdown]
# The corner was in one window, the middle in all nine. By hand, for the pixel at row 0, column 1: windows begin at
# columns 0, 1 and 2 and reach over three columns each; the windows at columns 0 and 1 see it, in row 0 only. That is 2.
#
# Now the gradient of `x` in two lines, compared with the layer's:

# %%
dcols = dy_rows @ w.reshape(-1, 4).T  # (N*OH*OW, KH*KW*C)
dx_by_hand = col2im(dcols, x.shape, layer.window)
print("dx differs by at most", np.abs(dx_by_hand - dx).max())

# %% [markdown]
# That is all of a convolution: im2col, a product, and for the backward pass two products and col2im. Ask tinynet for
# the terms of one of these numbers, and it names the same ones: each window that saw the pixel, and each filter.
# (`upstream=dy` makes the trace go backward from our `dy`, instead of from a loss.)

# %%
trace = tn.trace(layer, x, upstream=dy)
trace["Conv2d"].explain(grad="x", at=(0, 0, 0, 2))

# %% [markdown]
# ## What are AlexNet's two towers?
#
# The authors had two graphics cards with 3 GB each. They gave each card half of the channels of each layer, and let
# the second, fourth and fifth convolution see only the channels on their own card. In tinynet this is `groups=2`: the
# same as two convolutions side by side, on halves of the channels.

# %%
towers = tn.Conv2d(4, 6, kernel_size=3, groups=2)
maps_in = generator.standard_normal((1, 5, 5, 4)).astype(np.float32)
left, right = tn.Conv2d(2, 3, kernel_size=3), tn.Conv2d(2, 3, kernel_size=3)
left.params["w"], right.params["w"] = towers.params["w"][..., :3], towers.params["w"][..., 3:]

y_left, _ = left.forward(maps_in[..., :2])
y_right, _ = right.forward(maps_in[..., 2:])
y_both, _ = towers.forward(maps_in)
print("differs by at most", np.abs(y_both - np.concatenate([y_left, y_right], axis=3)).max())

one_tower = tn.Conv2d(4, 6, kernel_size=3)
print("weights:", towers.params["w"].size, "  in one tower:", one_tower.params["w"].size)

# %% [markdown]
# It halves the weights of these layers. Hence AlexNet has 60,965,224 parameters; the 62 million that one often reads
# (62,378,344) are those of the network without towers.

# %% [markdown]
# ## Exercise
#
# The loops above go one pixel at a time: stride 1 only.
#
# 1. An image of 6 x 6 with one channel, a window of 3 x 3, stride 2, padding 1: how many rows and columns has the
#    matrix? How often is the pixel at row 1, column 1 in it?
# 2. Write `my_im2col(image, size, stride, padding)` for one image (H, W), with two loops, and compare it with
#    `im2col(image[None, :, :, None], tn.Conv2d(1, 1, size, stride, padding).window)`.
# 3. With stride 4 and windows of 3 x 3, what is the gradient of a pixel that no window sees?
#
# <details><summary>Solution</summary>
#
# 1. $\lfloor (6 + 2 - 3) / 2 \rfloor + 1 = 3$, so 3 x 3 = 9 rows, and 9 columns. The windows begin at rows -1, 1 and 3
#    (and columns alike). Row 1 is seen by the windows that begin at -1 (rows -1 to 1) and at 1, so the pixel (1, 1) is
#    in $2 \cdot 2 = 4$ of them.
#
# 2. ```python
#    def my_im2col(image, size, stride, padding):
#        padded = np.pad(image, padding)
#        rows = []
#        for i in range(0, len(padded) - size + 1, stride):
#            for j in range(0, padded.shape[1] - size + 1, stride):
#                rows.append(padded[i : i + size, j : j + size].reshape(-1))
#        return np.array(rows)
#
#    image = np.arange(36, dtype=np.float32).reshape(6, 6)
#    theirs = im2col(image[None, :, :, None], tn.Conv2d(1, 1, 3, 2, 1).window)
#    print(np.array_equal(my_im2col(image, 3, 2, 1), theirs))
#    ```
#
# 3. Zero: no output depends on it, so the loss does not either. col2im starts with zeros and adds nothing there.
# </details>
#
# Next: [3. All layers of AlexNet, one by one](03_all_layers.ipynb)

# %% [markdown]
# # 3. All layers of AlexNet, one by one
#
# **AlexNet has seven kinds of layers and a loss. What does each one add up, and what comes back through it?** In this
# notebook one image goes through a small AlexNet, and we stop at each kind of layer, pick one number, and ask where it
# came from: first in the forward pass, then in the backward pass.
#
# You should know notebooks 1 and 2: weights, gradients, windows, filters. Nothing is downloaded; all cells together run
# in a few seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn
from tinynet.tracing.pictures import activation_maps

# %% [markdown]
# ## What is in it?
#
# `tn.alexnet_small()` has all of AlexNet's kinds of layers, in sizes for images of 32 x 32, so that everything here
# takes less than a second. It is shorter: four convolutions instead of five, and one fully connected layer instead of
# three. At the end of this notebook stands the 2012 network itself.
#
# The summary has a row for each layer. "Conv2d 32 of 5x5x3" are 32 filters of 5 x 5 positions and 3 channels. A
# multiply-add is one product that is added to a sum; memory is what the layer's output takes; N(0, 0.02²) stands for
# random numbers from a normal distribution with mean 0 and standard deviation 0.02.

# %%
net = tn.alexnet_small(seed=0)
net.summary()

# %% [markdown]
# Our image is a drawn star, class 6 of ten. As in the paper, the network gets the pixels' values from 0 to 255, minus
# their mean over many images. The network has not learned anything yet: its weights are random numbers. For seeing what
# the layers do, that is enough.

# %% tags=["picture"] alt="A blue star on a green ground, 32 x 32 pixels"
shapes = tn.data.draw_shapes(100)
net.preprocessing = tn.data.Preprocessing.fit(shapes, 32)  # finds the mean image
star = shapes.images[shapes.labels == 6][2]  # uint8 (32, 32, 3)
images = net.preprocessing(star[None])  # float32 (1, 32, 32, 3)
print("pixels minus mean: from", images.min().round(1), "to", images.max().round(1))

figure, axes = plt.subplots(figsize=(2.5, 2.5))
axes.imshow(star)
axes.set_axis_off()

# %% [markdown]
# `tn.trace` sends the image through all layers, works out the loss, goes backward through all layers, and keeps every
# number on the way. `train=True` because dropout works in training only.

# %% tags=["picture"]
trace = tn.trace(net, images, np.array([6]), train=True)
trace

# %% [markdown]
# One row is one layer. Go down the column of small pictures: conv1's maps still look like the image, those of conv4 no
# longer do. Blue is below zero, white is zero, orange is above. The upstream gradient is what comes back to the layer's
# output, $\partial L / \partial y$. You can open each layer in the list under the table.

# %% [markdown]
# ## Convolution: which numbers made this one?
#
# conv1 has 32 filters of 5 x 5 x 3 (three colours), so each output is a sum of 75 products and a bias.
# `output=(0, 16, 16, 8)` means: image 0, row 16, column 16, filter 8.

# %% tags=["picture"]
conv1 = trace["conv1"]
conv1.explain(output=(0, 16, 16, 8))

# %% [markdown]
# The frame on the image is the window that this neuron sees. The last line compares the sum of the terms with the
# number in the array. They are the same but for rounding, here and in every explanation below.
#
# Can you get the sum with NumPy? With padding 2, the window of row 16 goes from row 14 to row 18.

# %%
window = images[0, 14:19, 14:19]  # (5, 5, 3)
w, b = net.params["conv1"]["w"], net.params["conv1"]["b"]
print((window * w[..., 8]).sum() + b[8], "in the array:", conv1.output[0, 16, 16, 8])

# %% [markdown]
# **And backward?** A weight was used at all 32 x 32 positions. Its gradient adds up what each position sends back: what
# the weight was multiplied with, times the upstream gradient there.

# %%
conv1.explain(grad="w", at=(2, 2, 0, 8))

# %% [markdown]
# ## ReLU: what passes?
#
# $y = \max(x, 0)$. What is above zero passes, and the rest becomes 0. In the backward pass it is a gate: where the
# input was above zero, the gradient passes as it is; elsewhere nothing does.

# %%
relu1 = trace["relu1"]
print("inputs above zero:", f"{(relu1.input > 0).mean():.0%}")
closed = tuple(int(i) for i in np.argwhere(relu1.input < 0)[0])  # the first index with a number below zero
relu1.explain(grad="x", at=closed)

# %% [markdown]
# ## Local response normalization: what is it for?
#
# In AlexNet, neurons of nearby channels at the same position compete: each is divided by a number that grows with the
# squares of its neighbours.
#
# $$y_c = \frac{x_c}{s_c^{\,\beta}} \qquad s_c = k + \alpha \sum_{\text{nearby } c'} x_{c'}^2$$
#
# $c$ is the channel; "nearby" are the 5 channels around it, itself in the middle; $k = 2$, $\alpha = 10^{-4}$,
# $\beta = 0.75$. In tinynet $s$ is called `scale`.

# %%
norm1 = trace["norm1"]
index = tuple(int(i) for i in np.unravel_index(norm1.input.argmax(), norm1.input.shape))
norm1.explain(output=index)

# %% [markdown]
# Open the folded line: the scale has terms of its own. By hand, with the squares of the five channels:

# %%
n, i, j, c = index
nearby = norm1.input[n, i, j, max(0, c - 2) : c + 3]
scale = 2 + 1e-4 * (nearby**2).sum()
print("nearby:", nearby.round(1), "  scale:", scale.round(4))
print("y:", (norm1.input[index] / scale**0.75).round(4), "  in the array:", norm1.output[index].round(4))

# %% [markdown]
# Two remarks, for when you compare this with other accounts:
#
# - In the paper, $\alpha$ multiplies the *sum* of the squares, and so it does here. PyTorch, Caffe and the authors' own
#   program divide it by the number of channels, 5, first. The same "alpha" means different things.
# - Where activations are small, $s$ is nearly $k = 2$, and the layer does little more than to divide by
#   $2^{0.75} = 1.68$. A mistake in its backward pass can hide behind that. (Notebook 7 finds such mistakes.)
#
# **And backward?** The input has two paths to the loss: through its own output, and through the scale of each
# neighbour: a larger input makes its neighbours' outputs smaller. That is why there are terms of two kinds.

# %%
norm1.explain(grad="x", at=index)

# %% [markdown]
# ## Max-pooling: who wins?
#
# Each window of 3 x 3 passes on its largest number. The windows are 2 apart, so they overlap. (In the paper, windows
# that overlap lowered the error by 0.4 points. The 2012 AlexNet pools after its first, second and fifth convolution;
# that it pools after every one is often said, and wrong.)

# %% tags=["picture"]
pool1 = trace["pool1"]
pool1.explain(output=(0, 7, 7, 8))

# %% [markdown]
# **And backward?** The gradient goes to the winner alone; the eight others had no part in the output. As windows
# overlap, a number can win in several of them, in four at most. Then its gradients are added. Let us find one that won
# often: make all upstream gradients 1, and the gradient of the input counts the wins.

# %%
wins = tn.MaxPool2d(3, 2).backward(np.ones_like(pool1.output), pool1.saved)[0]
print("inputs by how often they won:", dict(enumerate(np.bincount(wins.astype(int).reshape(-1)).tolist())))
often = tuple(int(i) for i in np.argwhere(wins == wins.max())[0])
pool1.explain(grad="x", at=often)

# %% [markdown]
# Writing `=` where `+=` is needed here is one of the commonest mistakes in max-pooling written by hand. Where windows
# do not overlap, nobody notices.

# %% [markdown]
# ## Flatten: what changes?
#
# Nothing but the shape. The last maps, 3 x 3 x 64, become one row of 576 numbers, so that a fully connected layer can
# take them. The gradient gets its old shape back in the same way.

# %%
flatten = trace["flatten"]
print(flatten.input.shape, "to", flatten.output.shape)
flatten.explain(output=(0, 100))

# %% [markdown]
# ## Dropout: what is dropped?
#
# In training, each number is set to 0 with probability $p = 0.5$, at random, anew for each batch. The network cannot
# rely on any single one. What is left is divided by $1 - p$, so doubled, so that the sum in the next layer stays the
# same on average. In the backward pass, the same mask.
#
# (The paper does not double in training, but halves the outputs when the network is used. On average it is the same.
# The 2012 network has dropout after fc6 and fc7.)

# %%
dropout = trace["dropout5"]
print(f"dropped: {(dropout.saved.mask == 0).mean():.0%} of {dropout.saved.mask.size}")
print("before:", dropout.input[0, :8].round(2))
print("mask:  ", dropout.saved.mask[0, :8])
print("after: ", dropout.output[0, :8].round(2))
dropout.explain(grad="x", at=(0, 1))

# %% [markdown]
# ## Fully connected: which features speak for class 6?
#
# Each of the ten scores is a sum of 576 products and a bias: a large term is a feature that speaks for the class, a
# negative one speaks against it.

# %%
trace["fc5"].explain(output=(0, 6))

# %% [markdown]
# **And backward?** Each feature went into all ten scores, so that its gradient has ten terms: the upstream gradient of
# each score, times the weight on the way there.

# %%
trace["fc5"].explain(grad="x", at=(0, 29))

# %% [markdown]
# ## Loss: where does the backward pass begin?
#
# Scores become probabilities (softmax), and the loss is minus the logarithm of the right class's probability. Notebook
# 1 has it by hand. Its gradient is the probabilities, minus 1 at the label.

# %%
loss = trace["loss"]
print("probabilities:", loss.saved.probabilities[0].round(3))
print("gradient:     ", loss.input_gradient[0].round(3))
loss.explain(grad="x", at=(0, 6))

# %% [markdown]
# A network that knows nothing gives each of ten classes a probability of about 0.1, and the loss is about
# $\ln 10 = 2.3$ (ours happens to give the star a little more, so that this image's loss is a little smaller). For
# AlexNet's 1000 classes it is $\ln 1000 = 6.9$. If a network stays at this number during training,
# it is not learning.

# %% [markdown]
# ## How does the gradient look at the first layer?
#
# Everything that came back through all layers arrives here: at each position of conv1's output, should it be larger
# (blue: a larger number makes the loss smaller) or smaller (orange)?

# %% tags=["picture"] alt="32 maps of the gradient at conv1's output: 0 nearly everywhere, between scattered dots"
activation_maps(conv1.upstream[0], "conv1, upstream gradient")

# %% [markdown]
# Most positions are white: their ReLU was closed, or they did not win in pool1.

# %% [markdown]
# ## What is different in the 2012 network?
#
# The kinds of layers are the same. There are more of them, and they are larger. (The summary needs the network's
# 244 MB of weights.)

# %%
alexnet = tn.alexnet(seed=0)
alexnet.summary()

# %% [markdown]
# Where is the work, and where are the parameters?

# %% tags=["picture"] alt="Bars by layer: fc6 has most of the parameters, conv2 most of the multiply-adds"
shape, parameters, products = (227, 227, 3), {}, {}
for name, layer in alexnet.layers.items():
    if layer.params:
        parameters[name] = sum(array.size for array in layer.params.values()) / 1e6
        products[name] = layer.multiply_adds(shape) / 1e6
    shape = layer.output_shape(shape)

figure, both = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
titles = ("parameters, millions", "multiply-adds for an image, millions")
for axes, title, values in zip(both, titles, (parameters, products), strict=True):
    axes.bar(list(values), list(values.values()), color="#0072B2")
    axes.set_title(title)
    axes.tick_params(axis="x", rotation=45)

share = sum(products[name] for name in products if name.startswith("conv")) / sum(products.values())
print(f"fc6 has {parameters['fc6'] / sum(parameters.values()):.0%} of the parameters,")
print(f"the convolutions have {share:.0%} of the multiply-adds")

# %% [markdown]
# A convolution uses each weight at every position; a fully connected layer uses each weight once for an image. So the
# convolutions have the work, and the fully connected layers have most of the parameters.

# %% [markdown]
# ## Exercise
#
# The largest number in `pool4.output` comes from conv4, through relu4 and pool4.
#
# 1. Find its index: `np.unravel_index(x.argmax(), x.shape)` gives the index of the largest number in an array `x`.
# 2. `explain` it. Which number of relu4 won?
# 3. `explain` the number with that index in conv4's output. Which of the 576 products (3 x 3 x 64) is the largest?
# 4. How large is the gradient of conv4's bias `b[f]` for its filter `f`, and how many terms does it have? Why so many,
#    and why are most of them 0?
#
# <details><summary>Solution</summary>
#
# ```python
# step = trace["pool4"]
# index = tuple(int(i) for i in np.unravel_index(step.output.argmax(), step.output.shape))
# explanation = step.explain(output=index)                                 # 1. and 2.
# winner = max(explanation.terms, key=lambda term: abs(term.value))
# print(index, winner)                                                     # "x[0, ...]" is the index in relu4's output
#
# source = tuple(int(i) for i in winner.factors[0][0].strip("x[]").split(","))
# print(trace["conv4"].explain(output=source))                             # 3. the first row of the table
#
# print(trace["conv4"].explain(grad="b", at=(index[3],)))                  # 4.
# ```
#
# 4. A bias is added at each of the 7 x 7 positions, so its gradient has 49 terms, one for each. Most are 0 because
#    the gradient comes back through pool4, which gives it to the winners alone, and through relu4, which closes the
#    gate where the number was below zero.
# </details>
#
# Next: [4. Stepping through a whole AlexNet](04_stepping_through.ipynb)

# %% [markdown]
# # 1. From one neuron to one layer
#
# **How can a program find out by itself which way to turn each of its numbers?**
# In this notebook a single neuron does it, with arithmetic that fits on a sheet of paper. Then many neurons do it at
# once, as one layer, and then two layers in a row. Every number worked out by hand is compared with what
# [tinynet](../README.md) computes.
#
# You need Python, NumPy and derivatives. Nothing is downloaded; all cells together run in a few seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn

# %% [markdown]
# ## What does one neuron compute?
#
# It has some inputs, $x_0$, $x_1$ and so on. It multiplies each by a number of its own, a **weight** $w_0$, $w_1$, adds
# the products and one more number, the **bias** $b$. The sum is called $z$ here:
#
# $$z = x_0 w_0 + x_1 w_1 + b$$
#
# Then it passes $z$ on if it is above zero, and passes on 0 otherwise. That is the **ReLU** ("rectified linear unit"),
# the function that AlexNet uses:
#
# $$y = \max(z, 0)$$
#
# Work it out on paper first, for the numbers in the next cell. You should get
# $z = 1 \cdot 0.5 + 2 \cdot (-0.25) + 0.5 = 0.5$.

# %%
x = np.array([1.0, 2.0])  # two inputs
w = np.array([0.5, -0.25])  # their weights
b = 0.5  # the bias

z = x @ w + b  # @ multiplies pair by pair and adds
y = max(z, 0)
print("z =", z, "  y =", y)

# %% [markdown]
# ## How wrong is it?
#
# Say that the answer should have been $t = 2$ (the **target**). We need one number that says how far off we are, and
# that is smaller when we are less wrong: a **loss**. Half the squared distance will do for now:
#
# $$L = \tfrac{1}{2} (y - t)^2 = \tfrac{1}{2} (0.5 - 2)^2 = 1.125$$

# %%
t = 2.0


def loss_of(w, b):
    """All of the above in one function: what is the loss for these weights and this bias?"""
    return (max(x @ w + b, 0) - t) ** 2 / 2


print(loss_of(w, b))

# %% [markdown]
# ## Which way should a weight be turned?
#
# Try it. Make $w_0$ a little larger and look at what the loss does.

# %%
step = 0.001
nudged = w + np.array([step, 0])
print((loss_of(nudged, b) - loss_of(w, b)) / step)

# %% [markdown]
# About $-1.5$: when $w_0$ grows by a little, the loss falls by one and a half times as much. This number is the slope
# of the loss along $w_0$, its partial derivative $\partial L / \partial w_0$.
#
# In the picture, the curve is the loss for every value of $w_0$, with $w_1$ and $b$ as they are. The line has the slope
# that we found. Left of $w_0 = 0$ the curve is flat: with our other numbers $z = w_0 - 0.5 + 0.5 = w_0$, so there $z$
# is below zero, the neuron gives 0, and turning $w_0$ a little changes nothing. A neuron that is in this state for
# every input is called **dead**.

# %% tags=["picture"] alt="The loss over w0: flat left of 0, right of it a valley down to 2, with a tangent at 0.5"
values = np.linspace(-1.5, 3.5, 200)
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(values, [loss_of(np.array([value, w[1]]), b) for value in values], label="loss")
near = np.array([-0.4, 1.4])
axes.plot(near, loss_of(w, b) - 1.5 * (near - w[0]), "--", label="slope -1.5")
axes.plot(w[0], loss_of(w, b), "o", color="black", label="here we are")
axes.set(xlabel="$w_0$", ylabel="$L$")
axes.legend();

# %% [markdown]
# ## Can we have the slope without trying?
#
# Trying costs one more evaluation for every weight, and AlexNet has 60,965,224 parameters (weights and biases). The
# **chain rule** gives all slopes in one go. Follow the computation backwards, from the loss to what we can turn:
#
# | from | to | derivative | its value here |
# |---|---|---|---|
# | $L = \frac{1}{2}(y - t)^2$ | $y$ | $\partial L / \partial y = y - t$ | $0.5 - 2 = -1.5$ |
# | $y = \max(z, 0)$ | $z$ | $\partial y / \partial z = 1$ if $z > 0$, else $0$ | $1$ |
# | $z = x_0 w_0 + x_1 w_1 + b$ | $w_i$ | $\partial z / \partial w_i = x_i$ | $1$ and $2$ |
# | the same | $b$ | $\partial z / \partial b = 1$ | $1$ |
# | the same | $x_i$ | $\partial z / \partial x_i = w_i$ | $0.5$ and $-0.25$ |
#
# The chain rule says: multiply along the way. For $w_1$ that is $-1.5 \cdot 1 \cdot 2 = -3$.
#
# In code, `dy` is short for $\partial L / \partial y$, `dw` for $\partial L / \partial w$, and so on: always the
# derivative *of the loss*. tinynet's files are written that way too.

# %%
dy = y - t
dz = dy * (1 if z > 0 else 0)
dw = dz * x
db = dz * 1
dx = dz * w
print("dy =", dy, "  dz =", dz, "  dw =", dw, "  db =", db, "  dx =", dx)

# %% [markdown]
# `dw[0]` is $-1.5$, as we found by trying. `dx` is not needed to train this neuron. But if its inputs came from other
# neurons, `dx` would be *their* `dy`: that is how it goes on backward, layer by layer. This is **backpropagation**:
# the chain rule, worked out from the end, with each result used again.
#
# All the derivatives together, one for each number that can be turned, are called the **gradient**.

# %% [markdown]
# ## What do we do with the gradient?
#
# A negative slope means: larger is better. So go *against* the slope, a little way. How far is a number that you
# choose, the **learning rate**, here 0.1:
#
# $$w \leftarrow w - 0.1 \cdot \partial L / \partial w$$
#
# By hand: $w_0 = 0.5 + 0.15 = 0.65$, $w_1 = -0.25 + 0.3 = 0.05$, $b = 0.5 + 0.15 = 0.65$. The neuron now gives
# $0.65 + 2 \cdot 0.05 + 0.65 = 1.4$, and the loss is $0.6^2 / 2 = 0.18$ instead of $1.125$.

# %%
rate = 0.1
w_new, b_new = w - rate * dw, b - rate * db
print("w =", w_new, "  b =", round(b_new, 3), "  loss =", round(loss_of(w_new, b_new), 4))

# %% [markdown]
# Forward, loss, backward, step, and again. That is all of training; the rest of these notebooks is about doing it for
# larger networks and doing it well.

# %% tags=["picture"] alt="The loss over ten steps: it falls from 1.1 to nearly 0 within three"
w_now, b_now, losses = w.copy(), b, []
for _ in range(10):
    y_now = max(x @ w_now + b_now, 0)
    losses.append((y_now - t) ** 2 / 2)
    dz_now = (y_now - t) * (y_now > 0)
    w_now, b_now = w_now - rate * dz_now * x, b_now - rate * dz_now
figure, axes = plt.subplots(figsize=(6, 2.5))
axes.plot(losses, "o-")
axes.set(xlabel="step", ylabel="$L$");

# %% [markdown]
# ## How do many neurons become one layer?
#
# Give the same two inputs to three neurons. Their weights stand side by side as the columns of a matrix, and one
# product does the work of all three. Let us write it for several inputs ("images") at once, too, one to a row:
#
# | name | shape | what it is |
# |---|---|---|
# | `x` | (N, in) | N images, each with `in` numbers: here (1, 2) |
# | `w` | (in, out) | a column for each neuron: here (2, 3) |
# | `b` | (out,) | a bias for each neuron |
# | `scores` | (N, out) | what comes out: `x @ w + b` |
#
# Because every output sees every input, this is called a **fully connected** layer; in tinynet it is `tn.Linear`.
# By hand, the first neuron: $1 \cdot 0.5 + 2 \cdot (-0.25) + 0.5 = 0.5$, our neuron from above without the ReLU.
# Check one of the other two.

# %%
layer = tn.Linear(2, 3).astype("float64")  # more digits than the usual float32
layer.params["w"] = np.array([[0.5, -1.0, 0.0], [-0.25, 0.5, 1.0]])
layer.params["b"] = np.array([0.5, 0.0, -1.0])

images = np.array([[1.0, 2.0]])
scores, saved = layer.forward(images)
scores

# %% [markdown]
# `forward` gave two things: the scores, and `saved`, what the backward pass will need. For this layer that is its
# input.

# %%
saved

# %% [markdown]
# ## How wrong are three scores?
#
# Say that each neuron stands for a class (0, 1 or 2), that the one with the highest score is the answer, and that the
# right class, the **label**, is 0. The scores 0.5, 0 and 1 say class 2: wrong.
#
# Scores become probabilities by the **softmax**: take the exponential of each, so that all are above zero, and divide
# by their sum, so that they add up to 1.
#
# $$p_c = \frac{e^{s_c}}{\sum_k e^{s_k}} \qquad
# \frac{e^{0.5}}{e^{0.5} + e^{0} + e^{1}} = \frac{1.6487}{1.6487 + 1 + 2.7183} = \frac{1.6487}{5.3670} = 0.3072$$
#
# The loss is minus the logarithm of the right class's probability, the **cross-entropy**:
# $L = -\ln 0.3072 = 1.1803$. It is 0 when the right class has probability 1, and grows without limit as that
# probability goes to 0.

# %%
labels = np.array([0])
p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
print("p =", p.round(4), "  L =", -np.log(p[0, 0]).round(4))

# %% [markdown]
# What is the slope of this loss along each score? Write it out as $L = -s_0 + \ln (e^{s_0} + e^{s_1} + e^{s_2})$ and
# take the derivative. The logarithm gives $e^{s_c} / \sum_k e^{s_k}$, which is $p_c$ again; the first term gives $-1$
# for the right class alone:
#
# $$\frac{\partial L}{\partial s_c} = p_c - (1 \text{ if } c \text{ is the label, else } 0)$$
#
# It reads like advice: the right class's score should rise by as much as its probability lacks to 1, and each other
# class's should fall in proportion to the probability that it has and should not have. `tn.softmax_cross_entropy`
# gives the loss and this gradient. (A row with 1 at the label and 0 elsewhere is called **one-hot**.)

# %%
loss, dscores = tn.softmax_cross_entropy(scores, labels)
print("loss =", round(loss, 4))
print("dscores =", dscores.round(4))
print("p minus one-hot label =", (p - np.array([[1, 0, 0]])).round(4))

# %% [markdown]
# ## What is the gradient of a whole layer?
#
# Each neuron does what our single one did: `dw = dz * x`, `dx = dz * w`. Two things are new.
#
# - An input goes to *all* neurons. What it does to the loss is the sum of what it does through each of them:
#   `dx = dscores @ w.T`.
# - With several images, each weight was used once for each image. Again the sum: `dw = x.T @ dscores`, and
#   `db = dscores.sum(axis=0)`.
#
# Whenever one number goes to several places, its gradients from there are **added**. You will meet this rule in every
# layer.

# %%
dimages, grads = layer.backward(dscores, saved)
print("dw =\n", grads["w"].round(4))
print("by hand: x.T @ dscores =\n", (images.T @ dscores).round(4))
print("dx =", dimages.round(4), "  by hand:", (dscores @ layer.params["w"].T).round(4))

# %% [markdown]
# These two lines are the layer. Open [tinynet/layers/linear.py](../tinynet/layers/linear.py) and look for them: every
# layer file has its forward pass with its backward pass directly below, in two methods that `backward` calls:
# `input_gradient` gives `dx`, `param_gradients` gives `dw` and `db`.

# %% [markdown]
# ## Where did one of these numbers come from?
#
# `tn.trace` goes forward and backward through layers and keeps everything; `explain` then says which terms a number
# was added up from. Take three images now, so that there is something to add, and ask for the gradient of `w[1, 0]`,
# the weight from the second input to the first neuron. (`"Linear"` is the layer's name in the trace: alone it is
# called by its class, in a network by the name that it has there.)

# %%
three_images = np.array([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.5]])
trace = tn.trace(layer, three_images, np.array([0, 1, 2]))
trace["Linear"].explain(grad="w", at=(1, 0))

# %% [markdown]
# One product for each image, as `x.T @ dscores` says. (The loss is the *mean* over the images, so that each image's
# `dscores` has been divided by 3: with more images the gradient does not become larger, only more reliable.)

# %% [markdown]
# ## What can two layers do that one cannot?
#
# One layer adds up its inputs, so that the border between two of its classes is a straight line. Here are points of two
# classes that no straight line parts: those near the middle, and those around them.

# %%
generator = np.random.default_rng(0)
angle = generator.uniform(0, 2 * np.pi, 200)
classes = np.arange(200) % 2
radius = np.where(classes == 0, 0.5, 1.5) + generator.normal(0, 0.15, 200)
points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)  # (200, 2)


def train(net, steps=300):
    """Forward, loss, backward, step. Returns the loss of every step."""
    losses, optimizer = [], tn.SGD(net, learning_rate=0.1, momentum=0.9, weight_decay=0)
    for _ in range(steps):
        scores, saved = net.forward(points, train=True)
        loss, dscores = tn.softmax_cross_entropy(scores, classes)
        _, grads = net.backward(dscores, saved, input_gradient=False)
        optimizer.step(grads)
        losses.append(loss)
    return losses


one_layer = tn.Network([("fc1", tn.Linear(2, 2))])
two_layers = tn.Network([("fc1", tn.Linear(2, 16)), ("relu1", tn.ReLU()), ("fc2", tn.Linear(16, 2, seed=1))])
for net in (one_layer, two_layers):
    losses = train(net)
    wrong = (net.forward(points)[0].argmax(axis=1) != classes).mean()
    print(f"{' '.join(net.layers)}: loss {losses[0]:.3f} to {losses[-1]:.3f}, {wrong:.0%} wrong")

# %% [markdown]
# (`tn.SGD` takes the step against the gradient. With `momentum=0.9` it also keeps nine tenths of the step before, as a
# ball keeps rolling; that is how AlexNet was trained, at first with a learning rate of 0.01. `weight_decay` would pull
# each weight a little towards 0 in every step; here it is 0. `train=True` tells the layers that this is training, which
# matters to some that notebook 3 shows, not to these. `input_gradient=False` leaves out the gradient of the points,
# which nobody needs. From now on we write `tn.training_step(net, points, classes, optimizer)` for these four lines:
# open [tinynet/training/step.py](../tinynet/training/step.py), there is nothing else in it.)
#
# The picture shows by shades which class each network gives to every position, and by points what is right; the axes
# are the two inputs. The ReLU between the two layers is what bends the border: without it, a sum of sums would be a sum
# again, and two layers would be no more than one.

# %% tags=["picture"] alt="A disc of points in a ring of others: one layer cuts straight across, two enclose the disc"
side = np.linspace(-2.2, 2.2, 120, dtype=np.float32)
positions = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
figure, both = plt.subplots(1, 2, figsize=(8, 4))
titles = {"one layer": one_layer, "two layers and a ReLU": two_layers}
for axes, (title, net) in zip(both, titles.items(), strict=True):
    answer = net.forward(positions)[0].argmax(axis=1).reshape(120, 120)
    axes.contourf(side, side, answer, levels=[-0.5, 0.5, 1.5], colors=["#56B4E9", "#D55E00"], alpha=0.3)
    axes.plot(*points[classes == 0].T, "o", color="#0072B2", markersize=4, label="class 0")
    axes.plot(*points[classes == 1].T, "s", color="#D55E00", markersize=4, label="class 1")
    axes.set(title=title, aspect="equal", xlabel="$x_0$", ylabel="$x_1$")
    axes.legend(loc="upper right")

# %% [markdown]
# ## Exercise
#
# Instead of the ReLU, let our first neuron use the hyperbolic tangent: $y = \tanh(z)$. Its derivative is
# $\partial y / \partial z = 1 - y^2$. With $x = (1, 2)$, $w = (0.5, -0.25)$, $b = 0.5$ and the target $t = 2$ as above:
#
# 1. Work out $y$, $L$, `dy`, `dz`, `dw` and `db` by hand (with a calculator for $\tanh 0.5$).
# 2. Check `dw[1]` by nudging $w_1$, as we did above.
# 3. The target is 2. Can this neuron ever reach it? What will `dz` be like after very many steps?
#
# <details><summary>Solution</summary>
#
# 1. $z = 0.5$ as before. $y = \tanh 0.5 = 0.4621$, $L = (0.4621 - 2)^2 / 2 = 1.1825$.
#    `dy` $= 0.4621 - 2 = -1.5379$. `dz` $= -1.5379 \cdot (1 - 0.4621^2) = -1.5379 \cdot 0.7864 = -1.2095$.
#    `dw` $= -1.2095 \cdot (1, 2) = (-1.2095, -2.4189)$ and `db` $= -1.2095$.
#
# 2. ```python
#    def loss_of(w, b):
#        return (np.tanh(x @ w + b) - t) ** 2 / 2
#
#    (loss_of(w + np.array([0, 0.001]), b) - loss_of(w, b)) / 0.001   # about -2.415; smaller nudges come closer
#    ```
#
# 3. No: $\tanh$ stays below 1. The steps push $z$ up without end, $y$ goes to 1, and $1 - y^2$ goes to 0. So `dz` goes
#    to 0 although `dy` stays near $-1$: the neuron is **saturated**, and learns ever more slowly. Notebook 6 is
#    about this.
# </details>
#
# Next: [2. Convolution as a matrix product](02_convolution_as_a_product.ipynb)

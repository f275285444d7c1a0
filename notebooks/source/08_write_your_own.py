# %% [markdown]
# # 8. Write your own
#
# **Could you write a network yourself, from an empty file?**
# The course `tinynet course` has 17 steps: every layer of AlexNet, the loss, the training. In this notebook you write
# the first four; the check below each tells what is right, and what kind of mistake is left. It compares your numbers
# with tinynet's and your gradients with finite differences ([notebook 7](07_checking_gradients.ipynb) shows how).
#
# You need Python, NumPy and derivatives. Run the cells from the top; where a body says `raise NotImplementedError`, it
# is yours to write.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinynet import course
from tinynet.plots.pictures import BLUE, ORANGE, SKY

# %% [markdown]
# ## What is a layer?
#
# An object with two methods:
#
# - `y, saved = layer.forward(x, train)` goes from the input to the output. `saved` is what `backward` needs to know:
#   you choose it.
# - `dx, grads = layer.backward(dy, saved)` goes the other way. `dy` says for each number of `y` how much the loss
#   changes with it; `dx` has to say the same for each number of `x`. `grads` has the gradients of the layer's own
#   parameters by name, `{}` where it has none.
#
# Do not write into `x`, `dy` or `saved`, and keep nothing on `self` from one call to the next.

# %% [markdown]
# ## Step 1: three bent lines
#
# Without something bent between them, ten linear layers are no better than one. These three have been used most:
#
# $$\text{ReLU: } y = \max(x, 0) \qquad \tanh \qquad \text{sigmoid: } y = \frac{1}{1 + e^{-x}}$$
#
# Each number of $x$ is treated alone. So `dx` is `dy` times the **slope** of the line at $x$. The next cell measures
# the slopes, by small differences. What formulas do they have?

# %% tags=["picture"] alt="ReLU, tanh and sigmoid from -4 to 4, and their slopes, measured"
x = np.linspace(-4, 4, 401)
lines = {"ReLU": np.maximum(x, 0), "tanh": np.tanh(x), "sigmoid": 1 / (1 + np.exp(-x))}
picture, both = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for (name, y), colour in zip(lines.items(), (BLUE, ORANGE, SKY), strict=True):
    both[0].plot(x, y, label=name, color=colour)
    both[1].plot(x, np.gradient(y, x), label=name, color=colour)
both[0].set(title="y", xlabel="x", ylim=(-1.2, 2))
both[1].set(title="slope, measured", xlabel="x")
both[0].legend()
plt.show()


# %%
class ReLU:
    """y = max(x, 0).  Its slope is 1 where x > 0 and 0 elsewhere."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        raise NotImplementedError("to be written")

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        raise NotImplementedError("to be written")


class Tanh:
    """y = tanh(x).  Its slope can be written with y alone."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        raise NotImplementedError("to be written")

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        raise NotImplementedError("to be written")


class Sigmoid:
    """y = 1 / (1 + exp(-x)).  Its slope, too, can be written with y alone."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        raise NotImplementedError("to be written")

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        raise NotImplementedError("to be written")


# %%
step_1 = course.check(1, globals())

# %% [markdown]
# <details><summary>A hint</summary>
#
# `np.maximum(x, 0)` and `np.tanh(x)` do the forward passes. In backward, write the slope as a formula and multiply: for
# ReLU it is a mask, `saved > 0` if you saved $x$ or $y$. Look at the slope of tanh at 0 and far out, where $y$ is 0 and
# $\pm 1$: which simple expression of $y$ gives 1 and 0 there?
# </details>
#
# ## Step 2: a fully connected layer
#
# $$y_{nj} = b_j + \sum_i x_{ni} w_{ij} \qquad \text{in short: } y = x w + b$$
#
# `x` is `(N, in)`, a row for each image; `w` is `(in, out)` and `b` is `(out,)`. Now `backward` returns three
# gradients. Take one number of `w`, $w_{ij}$: which $y$ change with it, and by how much each? The loss feels all of
# them, so you get a sum. Do the same for $b_j$ and $x_{ni}$, and write the three sums as products of matrices.
#
# `Flatten` belongs to it: it makes one row of each image `(H, W, C)`, and moves no number.


# %%
class Linear:
    """y = x @ w + b, with self.params["w"] and self.params["b"]."""

    def __init__(self, in_features, out_features):
        self.in_features, self.out_features = in_features, out_features
        self.params = {
            "w": np.zeros((in_features, out_features), np.float32),
            "b": np.zeros(out_features, np.float32),
        }

    def forward(self, x, train=False):
        """Return y (N, out) and saved."""
        raise NotImplementedError("to be written")

    def backward(self, dy, saved):
        """Return dx (N, in) and {"w": dw (in, out), "b": db (out,)}."""
        raise NotImplementedError("to be written")


class Flatten:
    """y[n] = the numbers of image n in one row, in the order in which NumPy's reshape takes them."""

    def forward(self, x, train=False):
        """Return y (N, H*W*C) for x (N, H, W, C), and saved."""
        raise NotImplementedError("to be written")

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {}."""
        raise NotImplementedError("to be written")


# %%
step_2 = course.check(2, globals())

# %% [markdown]
# <details><summary>A hint</summary>
#
# $\partial L / \partial w_{ij} = \sum_n x_{ni} \, dy_{nj}$ and $\partial L / \partial x_{ni} = \sum_j dy_{nj}
# w_{ij}$. In a product of matrices the sum runs over the last index of the first and the first index of the second.
# Which of the two has to be transposed?
# </details>
#
# ## Step 3: how wrong is it?
#
# A network gives a score for each class. Softmax makes probabilities of them, and the loss is the mean of
# $-\log p$ of the right class:
#
# $$p_{nc} = \frac{e^{s_{nc}}}{\sum_{c'} e^{s_{nc'}}} \qquad L = \frac{1}{N} \sum_n -\log p_{n, \text{label}_n}$$
#
# $e^{1000}$ is too large for any computer, so subtract each image's largest score first; $p$ stays the same. A very
# small $p$ becomes 0, and its logarithm $-\infty$: take $\log p = \text{shifted} - \log \sum e^{\text{shifted}}$. The
# gradient is short: for one image $\partial(-\log p_\text{label}) / \partial s_c$ is $p_c$, minus 1 for the label.
# And $L$ is a mean.


# %%
def softmax_cross_entropy(scores, labels):
    """Return the loss, a float, and dscores = d loss / d scores, of the shape of scores (N, classes).

    labels : array of int (N,), the right class of each image
    """
    raise NotImplementedError("to be written")


# %%
step_3 = course.check(3, globals())

# %% [markdown]
# <details><summary>A hint</summary>
#
# `scores[np.arange(len(scores)), labels]` picks each image's right score. `dscores` is $p$, with 1 subtracted at the
# same places, divided by the number of images.
# </details>
#
# ## Step 4: a step downhill
#
# Every parameter $w$ has a velocity $v$ of the same shape, zero at first:
#
# $$v \leftarrow \text{momentum} \cdot v - \text{weight decay} \cdot \text{rate} \cdot w - \text{rate} \cdot g \qquad
# w \leftarrow w + v$$
#
# Change the arrays **in place**, `w += v`: the layer holds the same arrays. `w = w + v` would make a new array, which
# the layer never sees.


# %%
class SGD:
    """The update above, for all arrays in net.params."""

    def __init__(self, net, learning_rate=0.01, momentum=0.9, weight_decay=5e-4):
        self.net = net
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.velocity = {name: np.zeros_like(w) for name, w in net.params.items()}

    def step(self, grads):
        """Change every array in self.net.params by its gradient; `grads` has one for each name."""
        raise NotImplementedError("to be written")


# %%
step_4 = course.check(4, globals())

# %% [markdown]
# <details><summary>A hint</summary>
#
# Loop over `self.net.params.items()`. The velocity of a parameter is `self.velocity[name]`; write the new one into it,
# `v[...] = ...`, so that it is there in the next step.
# </details>
#
# ## All four at work
#
# When the four are right, this cell trains with them, and with nothing else: two classes of points, one inside a ring
# of the other. A linear layer alone cannot tell them apart. Two of your linear layers with your ReLU between them can.

# %%
generator = np.random.default_rng(0)
labels = generator.integers(0, 2, 400)
angles, radii = generator.uniform(0, 2 * np.pi, 400), np.where(labels, 2.0, 0.7) + 0.2 * generator.standard_normal(400)
points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)

if step_1 and step_2 and step_3 and step_4:
    first, bend, last = Linear(2, 16), ReLU(), Linear(16, 2)
    for layer in (first, last):  # step 14 is about these numbers
        layer.params["w"][...] = generator.standard_normal(layer.params["w"].shape)
    optimizers = [SGD(layer, learning_rate=0.1) for layer in (first, last)]
    for step in range(201):
        hidden, saved_first = first.forward(points)
        bent, saved_bend = bend.forward(hidden)
        scores, saved_last = last.forward(bent)
        loss, dscores = softmax_cross_entropy(scores, labels)
        if step % 50 == 0:
            print(f"step {step:3}: loss {loss:.3f}, {(scores.argmax(axis=1) != labels).mean():.1%} wrong")
        dbent, grads_last = last.backward(dscores, saved_last)
        _, grads_first = first.backward(bend.backward(dbent, saved_bend)[0], saved_first)
        optimizers[0].step(grads_first)
        optimizers[1].step(grads_last)
else:
    print("This cell trains when the four steps are right.")

# %% [markdown]
# ## Exercise
#
# `backward` of a layer may be the right derivative and still break a rule. What will `course.check` say of this ReLU,
# and what would go wrong in a network that uses it at two places?
#
# ```python
# class ReLU:
#     def forward(self, x, train=False):
#         self.x = x
#         return np.maximum(x, 0), None
#
#     def backward(self, dy, saved):
#         return dy * (self.x > 0), {}
# ```
#
# <details><summary>Solution</summary>
#
# It keeps `x` on `self`. The second place overwrites what the first one kept, and the backward pass of the first then
# uses the second's mask, without any error. The check calls forward once more before backward, with another batch, and
# names it: "after a second call of forward it fails: it uses what that call left on the layer". What belongs to a call
# is returned as `saved`.
# </details>
#
# On to the files: `tinynet course` writes all 17 steps into a folder, and `tinynet course check` says how far you
# are; there your code runs in a process of its own, so that an endless loop ends. At the end `tinynet course train`
# trains your AlexNet, with your layers, and tinynet's for the steps that are not right yet.
#
# Next: [9. Two towers](09_two_towers.ipynb)

# %% [markdown]
# # 6. ReLU, tanh and sigmoid: how gradients vanish
#
# Between its linear layers a network needs something bent, an **activation function**, or all layers together would
# be one linear layer. AlexNet's paper took $\max(x, 0)$, the ReLU, where others took tanh or the sigmoid, and reports
# that it trained six times faster. This notebook asks:
#
# * What happens to a gradient on its way through many layers?
# * What has the initialization of the weights to do with it?
# * Is ReLU faster, and how easily can an experiment "show" that?
# * What do raw pixels do to tanh? (That is probably where the factor of six comes from.)
# * What does local response normalization bring?
#
# You should know notebooks 1 and 3: gradients, and the layers. Nothing is downloaded; all cells together run in about
# half a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn
from tinynet.errors import NotFiniteError
from tinynet.plots.pictures import BLUE, ORANGE, SKY

LAYERS = {"relu": tn.ReLU, "tanh": tn.Tanh, "sigmoid": tn.Sigmoid}
COLOURS = {"relu": BLUE, "tanh": ORANGE, "sigmoid": SKY}

# %% [markdown]
# ## How steep are they?
#
# In the backward pass, an activation multiplies the gradient of each unit by its **slope** at that unit's input $x$:
# $dx = dy \cdot f'(x)$. We get the slope by sending an upstream gradient `dy` of ones back.

# %% tags=["picture"] alt="ReLU, tanh and sigmoid, and their slopes: only ReLU's does not go back to 0"
x = np.linspace(-6, 6, 601)[:, None]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for name, make in LAYERS.items():
    layer = make()
    y, saved = layer.forward(x)
    slope, _ = layer.backward(np.ones_like(y), saved)
    axes[0].plot(x, y, color=COLOURS[name], label=name)
    axes[1].plot(x, slope, color=COLOURS[name], label=name)
    print(f"{name:8} largest slope {slope.max():.2f}, at -4 {slope[100, 0]:.4f}, at 4 {slope[500, 0]:.4f}")
axes[0].set(title="y = f(x)", xlabel="x", ylim=(-1.2, 2))
axes[1].set(title="slope f'(x)", xlabel="x")
for axis in axes:
    axis.grid(alpha=0.3)
    axis.legend()
plt.show()

# %% [markdown]
# * **Sigmoid**, $1 / (1 + e^{-x})$: its slope is never above 1/4. Even where it is steepest it takes three quarters
#   of the gradient away.
# * **tanh** has slope 1 at 0 only. A unit whose input is far from 0 is **saturated**: hardly anything comes back.
# * **ReLU** has slope 1 for every positive input, however large. Below 0 it is 0: that unit passes nothing for this
#   image.
#
# **What does a small slope do in a deep network?** A gradient is multiplied by one slope in each layer. Suppose each
# is at its best.

# %%
for layers in (2, 5, 10, 20):
    print(f"{layers:2} layers: sigmoid at most {0.25**layers:.0e}, tanh and ReLU {1.0**layers:.0f}")

# %% [markdown]
# ## What reaches the first layer of a deep network?
#
# The slopes are half of the story: each layer's weights multiply the gradient as well, and large weights could make
# up for small slopes. Let us build a stack of 20 linear layers of 100 units, each followed by an activation, draw the
# weights from a normal distribution with standard deviation `std`, and watch the gradient in the backward pass.
#
# The measure is the **norm** of the gradient, the root of the sum of its squares, in front of each layer.

# %%
DEPTH, WIDTH = 20, 100

def pass_through(activation, std, seed=0):
    """Return the gradient's norms in front of each layer, 1 behind the last, and the last slopes."""
    rng = np.random.default_rng(seed)
    stack = []
    for i in range(DEPTH):
        linear = tn.Linear(WIDTH, WIDTH, std=std, seed=[seed, i])
        stack += [linear.astype("float64"), LAYERS[activation]()]
    x, kept = rng.standard_normal((64, WIDTH)), []                 # 64 inputs with numbers of size 1
    for layer in stack:
        x, saved = layer.forward(x)
        kept.append(saved)
    slopes, _ = stack[-1].backward(np.ones_like(x), kept[-1])

    dy, norms = rng.standard_normal(x.shape), []
    dy /= np.linalg.norm(dy)
    for layer, saved in zip(reversed(stack), reversed(kept), strict=True):
        dy, _ = layer.backward(dy, saved)
        if isinstance(layer, tn.Linear):
            norms.append(np.linalg.norm(dy))
    return norms[::-1], slopes

norms, _ = pass_through("sigmoid", std=0.1)
print(f"sigmoid, std 0.1: {norms[0]:.0e} of the gradient reaches the input")

# %% [markdown]
# **Which `std`?** A unit sums up $n = 100$ inputs, each times a weight of size `std`. A sum of n random numbers of
# size 1 has the size $\sqrt n$, so $std = 1 / \sqrt{n}$ keeps the size of what goes through (LeCun et al. 1998). ReLU
# sets half of the units to 0, which halves the mean square; $\sqrt{2 / n}$ makes up for it (He et al. 2015). 0.01 is
# the number in AlexNet's paper. And for a tenfold try, 1.

# %% tags=["picture"] alt="The gradient's size by layer, for three activations and four initializations each"
INITIALIZATIONS = {  # std, and how its line is drawn
    "0.01": (0.01, "k:"),
    "1 / sqrt(n) = 0.1": (WIDTH**-0.5, "o-"),
    "sqrt(2 / n) = 0.14": ((2 / WIDTH) ** 0.5, "s-"),
    "1": (1.0, "k--"),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True, layout="constrained")
for axis, activation in zip(axes, LAYERS, strict=True):
    for name, (std, style) in INITIALIZATIONS.items():
        norms, _ = pass_through(activation, std)
        colour = {"o": BLUE, "s": ORANGE, "k": "black"}[style[0]]
        numbers, style = range(1, DEPTH + 1), style.strip("k")
        axis.semilogy(numbers, norms, style, color=colour, markersize=3, label=name)
    axis.set(title=activation, xlabel="layer", xticks=(1, 5, 10, 15, 20), ylim=(1e-35, 1e20))
    axis.grid(alpha=0.3)
axes[0].set_ylabel("norm of the gradient")
axes[0].legend(loc="lower right", fontsize=8, title="std")
plt.show()

# %% [markdown]
# Read each curve from right to left, the way the gradient goes. From one number on the axis to the next is a factor of
# a million.
#
# * With 0.01 every activation loses the gradient, ReLU too. That is not the activation's fault: each layer multiplies
#   by $0.01 \sqrt{100} = 0.1$ or less.
# * With $\sqrt{2/n}$ ReLU's curve is level over all 20 layers. Its slopes are 0 or 1 at any size of the input, so
#   weights can be chosen to fit.
# * tanh is nearly level with $1/\sqrt{n}$: while its inputs are small it is nearly the identity.
# * The sigmoid loses the gradient with all of these, except with weights of 1, where the other two **explode**: the
#   gradient grows without bounds, which is as bad.
#
# **So a sigmoid needs weights of 1, and all is well?** Look at the slopes in the last layer of each level curve.

# %%
for activation, std in (("relu", (2 / WIDTH) ** 0.5), ("tanh", WIDTH**-0.5), ("sigmoid", 1.0)):
    norms, slopes = pass_through(activation, std)
    print(f"{activation:8} std {std:4.2f}: {norms[0]:5.2f} of the gradient arrives; "
          f"{np.mean(slopes < 0.05):4.0%} of the slopes are below 0.05")

# %% [markdown]
# The gradient arrives through the other units and large weights, while most units are saturated and hardly react to
# their inputs. ReLU has slope 0 in about half of its units too, but the other half passes everything, at any size. So
# gradients need not vanish with sigmoids; but what keeps them alive drives the units into saturation.
#
# A *well initialized* tanh network of 20 layers, on the other hand, has its gradients. What is left of ReLU's
# advantage?
#
# ## Is ReLU faster? A small experiment
#
# Three classes of drawn shapes, a network of three convolutions and a linear layer, plain training. We count the
# steps, of 32 images each, until the training error over the last 16 steps is down to 25%, the level of the paper's
# figure 1. All is the same but the activation and, with it, the weights' `std`.

# %% tags=["picture"] alt="Nine drawn shapes: triangles, crosses and a disc"
drawn = tn.data.draw_shapes(2000, size=16, seed=0)
classes = [drawn.class_names.index(name) for name in ("disc", "triangle", "cross")]
chosen = np.flatnonzero(np.isin(drawn.labels, classes))[:512]
images = drawn.images[chosen].astype(np.float32)
images = (images - images.mean(axis=0)) / 64                       # numbers of size 1
labels = np.searchsorted(classes, drawn.labels[chosen])

figure, axes = plt.subplots(1, 9, figsize=(9, 1.3))
for axis, i in zip(axes, chosen, strict=False):
    axis.imshow(drawn.images[i])
    axis.set_title(drawn.class_names[drawn.labels[i]], fontsize=8)
    axis.axis("off")
plt.show()

# %%
GAIN = {"relu": 2**0.5, "tanh": 1.0, "sigmoid": 4.0}       # makes up for what the activation takes away

def network(activation, seed):
    def conv(i, channels, filters):
        std = GAIN[activation] / (9 * channels) ** 0.5             # 9 * channels inputs for each unit
        return tn.Conv2d(channels, filters, 3, padding=1, std=std, seed=[seed, i])

    act = LAYERS[activation]
    return tn.Network([
        ("conv1", conv(1, 3, 8)), ("act1", act()), ("pool1", tn.MaxPool2d(2, 2)),
        ("conv2", conv(2, 8, 16)), ("act2", act()), ("pool2", tn.MaxPool2d(2, 2)),
        ("conv3", conv(3, 16, 16)), ("act3", act()), ("flatten", tn.Flatten()),
        ("fc4", tn.Linear(4 * 4 * 16, 3, std=0.01, seed=[seed, 4])),
    ])

LIMIT = 480                                                        # steps: 30 times through the images

def steps_to_learn(activation, rate, seed=0):
    """Return after how many steps the training error is down to 25%; LIMIT if it isn't by then."""
    net, rng, errors = network(activation, seed), np.random.default_rng(seed), []
    optimizer = tn.SGD(net, rate, momentum=0.9, weight_decay=0)    # no weight decay, as in the paper's figure
    for step in range(1, LIMIT):
        batch = rng.integers(len(images), size=32)
        try:
            loss, scores = tn.training_step(net, images[batch], labels[batch], optimizer)
        except NotFiniteError:
            return LIMIT                                           # the rate is too large
        errors.append(np.mean(scores.argmax(axis=1) != labels[batch]))
        if step >= 16 and np.mean(errors[-16:]) <= 0.25:
            return step
    return LIMIT

# %% tags=["picture"] alt="Steps to 25% training error by learning rate, for ReLU, tanh and sigmoid"
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
with np.errstate(all="ignore"):                            # where a rate is too large, numbers overflow
    found = {name: [steps_to_learn(name, rate) for rate in RATES] for name in LAYERS}

plt.figure(figsize=(7, 3.6))
for name, steps in found.items():
    plt.semilogx(RATES, steps, "o-", color=COLOURS[name], label=name)
plt.axhline(LIMIT, color="black", linestyle=":", label="not reached")
plt.xlabel("learning rate")
plt.ylabel("steps to 25% training error")
plt.ylim(0, LIMIT * 1.08)
plt.grid(alpha=0.3)
plt.legend()
plt.show()

# %% [markdown]
# A curve has a valley: too small a rate is slow, too large a one does not learn at all. (The sigmoid's lies further to
# the right than we tried.) **What would you
# report as "ReLU is so many times faster than tanh"?** Try each rate as the shared one.

# %%
for rate, of_relu, of_tanh in zip(RATES, found["relu"], found["tanh"], strict=True):
    if min(of_relu, of_tanh) == LIMIT:
        verdict = "neither gets there"
    else:
        bound = "at least " if of_tanh == LIMIT else "at most " if of_relu == LIMIT else ""
        verdict = f"ReLU is {bound}{of_tanh / of_relu:.1f} times as fast as tanh"
    print(f"both at rate {rate:5}: {verdict}")

# %% [markdown]
# The same two networks, the same data, and the shared rate decides what the answer is. The only fair question is how
# fast each is at *its own* best rate.

# %%
best = {name: min(found[name]) for name in ("relu", "tanh")}
print(", ".join(f"{name} {steps} steps at rate {RATES[found[name].index(steps)]}" for name, steps in best.items()))
print(f"tanh needs {best['tanh'] / best['relu']:.2f} times ReLU's steps")

# %% [markdown]
# On this small task, with numbers of size 1 going in and weights that fit, tanh is about as fast as ReLU. (One seed,
# and two numbers so close: another seed may turn them round.)
#
# ## What was probably different in the paper: raw pixels
#
# Figure 1 of the paper says that a four-layer network reaches 25% training error on CIFAR-10 six times faster with ReLU
# than with tanh. Its authors did what is asked for above: "the learning rates for each network were chosen
# independently to make training as fast as possible". But **the networks for CIFAR-10 that they published see pixels
# from 0 to 255, minus the mean**, and ours saw them divided by 64. (Which four layers and
# which pixels figure 1 had, the paper does not say.)
#
# What is that to tanh? We take a four-layer network of the authors' kind, with tanh, and train it on drawn shapes, once
# on pixels as they are, once on pixels divided by 64. Nothing else may differ: where the pixels are 64 times larger, we
# make `conv1`'s initial weights 64 times smaller. Before the first step both networks are the same function of the
# picture. Then we look at what comes out of the tanh behind `conv1`.

# %%
from tinynet.lessons.relu import four_layers

BATCHES = 93                                                       # of 16 images, in an epoch
shapes = tn.data.draw_shapes(16 * BATCHES, size=32, seed=0)
pixels = shapes.images - shapes.images.mean(axis=0, dtype=np.float32)

def conv1_by_epoch(divisor, epochs=2):
    """Train on pixels / divisor; return conv1's tanh outputs for 100 images, before the first epoch and after each."""
    net = four_layers(activation="tanh", setting="scaled pixels")  # made for pixels / 64
    net["conv1"].params["w"] *= divisor / 64                       # for every divisor the same function of the picture
    optimizer = tn.SGD(net, 0.01, momentum=0.9, weight_decay=0)
    x, rng = pixels / np.float32(divisor), np.random.default_rng(0)
    outputs = []
    for epoch in range(epochs + 1):
        if epoch > 0:
            for batch in np.split(rng.permutation(len(x)), BATCHES):
                tn.training_step(net, x[batch], shapes.labels[batch], optimizer)
        _, saved = net.forward(x[:100])
        outputs.append(saved["tanh1"].y)
    return outputs

# %% tags=["picture"] alt="Outputs of conv1's tanh: on raw pixels at -1 and 1 after an epoch, divided by 64 spread out"
DIVISORS = (1, 64)                                                 # change one of them to 4, or 16

y_axis = np.linspace(-1, 1, 201)
figure, axes = plt.subplots(len(DIVISORS), 3, figsize=(10, 5.4), sharex=True, sharey=True, layout="constrained")
for row, divisor in zip(axes, DIVISORS, strict=True):
    for epoch, (axis, y) in enumerate(zip(row, conv1_by_epoch(divisor), strict=True)):
        share = np.full(y.size, 1 / y.size)                        # so that the bars add up to 1
        axis.hist(y.ravel(), bins=20, range=(-1, 1), weights=share, color=ORANGE)
        axis.plot(y_axis, 1 - y_axis**2, color="black", linewidth=1)
        when = f"after epoch {epoch}" if epoch else "before training"
        axis.set_title(f"pixels / {divisor}, {when}:\n{np.mean(abs(y) > 0.95):.0%} beyond 0.95, "
                       f"mean slope {np.mean(1 - y * y):.2f}", fontsize=9)
        axis.grid(alpha=0.3)
for axis in axes[-1]:
    axis.set_xlabel("output y of conv1's tanh")
for row in axes:
    row[0].set_ylabel("share of the outputs (bars),\nslope 1 - y² (line)", fontsize=9)
plt.show()

# %% [markdown]
# The bars are the outputs, the black line is the slope that belongs to each: since $\tanh' = 1 - \tanh^2$, the backward
# pass multiplies the gradient by $1 - y^2$. On the left both networks are the same. One **epoch** later, when each
# image was used once, nearly all outputs on raw pixels stand at -1 and 1, where the line is at 0: `conv1` is
# **saturated**. A small change of its weights changes hardly any of them, so that hardly any gradient comes back
# through it. On pixels divided by 64 this does not happen.
#
# **Why?** The gradient of a weight is a sum of upstream gradient times *pixel*. Pixels 64 times as large make it 64
# times as large; the step that follows acts on pixels that are again 64 times as large. So one step changes what
# `conv1` puts out $64 \cdot 64 = 4096$ times as much. A rate small enough for `conv1` would be far too small for the
# other layers.
#
# **And ReLU?** Its outputs become large too. Above 0 its slope is 1 at any size, so that it goes on learning. That is
# the paper's reason for it, "non-saturating", and on CIFAR-10's raw pixels it is worth a factor of 6.8 (below). It has
# a weakness of its own: one step that is too large can push a unit below 0 for every image, where its slope is 0 for
# good. The rate must be small enough to avoid that; on raw pixels ReLU's best one is smaller than tanh's.
#
# Now change one number: set a divisor to 4, or 16, and run the cell again. You see where between 1 and 64 `conv1`
# begins to saturate.
#
# ## The lesson `relu`: figure 1 with more care
#
# tinynet has experiments like these ready, as **lessons**. A lesson compares a few variants of a network, its **arms**.
# All get the same images and seeds; each arm's rate is searched for with a seed that is not counted. `relu` has ReLU
# and tanh on raw pixels, on scaled ones, and in a network with maxima for averages, and looks at the saturated units
# after each epoch:
#
# * `tinynet lesson relu --quick` shows figure 1, its cause and its end in two minutes, on drawn shapes;
# * `tinynet lesson relu --data FOLDER` repeats it on CIFAR-10, in hours.
#
# Measured on CIFAR-10 with three seeds: on raw pixels ReLU came to 25% training error after 6.5 epochs (rate 0.003),
# tanh after 44.8 (0.01), 6.8 times as many (95% interval 5.4 to 8.6). And how many times depends on where one looks: at
# 50% training error it was 2.3. On pixels divided by 64 tanh needed 1.6 times ReLU's epochs (1.3 to 2.0).
#
# So "six times faster" is a measurement in one setting. What stays true of ReLU: it does not saturate for large
# inputs, and it costs one comparison where tanh and the sigmoid need an exponential.
#
# ## The lesson `lrn`: does normalization help?
#
# Between its first layers AlexNet has local response normalization (notebook 3): each number is divided by a power of a
# sum of squares, its own and those of its neighbouring channels. Today most networks have **batch normalization**
# instead: each channel minus its mean over the batch, divided by its deviation there, times a weight, plus a bias. The
# lesson `lrn` compares both with none. We hand it our small network and three shapes. Our numbers have size 1 and not
# 100 as in AlexNet, so $\alpha$ is 1 in place of $10^{-4}$: what counts is $\alpha x^2$. A number after +- is the
# standard deviation over the seeds, and among the "points below none" half of a **95% interval**, which says what a
# difference may be, judged by how much the seeds differ.

# %%
from dataclasses import replace
from tempfile import TemporaryDirectory

from tinynet.lessons import lrn

NORMS = {"lrn": lambda channels: tn.LocalResponseNorm(alpha=1.0), "batch": tn.BatchNorm2d}

def small(classes, seed, normalization=None, dropout=None):
    """Our network, as a lesson asks for one: with its images' size, and pixels divided by 64."""
    layers = []
    for name, layer in network("relu", seed).layers.items():
        layers.append((name, layer))
        if normalization and name in ("act1", "act2"):
            layers.append((f"norm{name[-1]}", NORMS[normalization]({"act1": 8, "act2": 16}[name])))
    return tn.Network(layers, input_shape=(16, 16, 3), recipe={"deviation": 64.0})

def three_shapes(count, seed):
    drawn = tn.data.draw_shapes(count, size=16, seed=seed)
    kept = np.isin(drawn.labels, classes)
    names = [drawn.class_names[number] for number in classes]
    return tn.data.Dataset(drawn.images[kept], np.searchsorted(classes, drawn.labels[kept]), names)

setting = {
    "quick": True, "data": (three_shapes(5000, seed=0), three_shapes(1600, seed=1)), "model": small, "show": False,
}

# %%
lesson = replace(lrn.LESSON, quick=replace(lrn.LESSON.quick, test_images=400))
with TemporaryDirectory() as folder:
    result = lesson.run(images=800, epochs=6, seeds=3, rates=(0.01, 0.1), folder=folder, **setting)
result

# %% [markdown]
# Two things to see in the table:
#
# * LRN's best rate, of the two that were tried, is ten times that of the others. The layer divides all numbers
#   by $2^{0.75} = 1.7$ or more, twice on the way, so that scores and gradients are smaller. At their rate it would have
#   looked worse than it is.
# * The differences are smaller than their 95% intervals, which reach from far below 0 to far above. With three seeds
#   and six epochs nobody can tell whether LRN or batch normalization helps *here*: that is a result, too.
#
# The paper reports 1.4 points for its LRN, with a network, data and a length of training that are not ours. `tinynet
# lesson lrn --data FOLDER` runs it on CIFAR-10.
#
# ## Exercise
#
# The sigmoid's trouble has two causes: its slopes, and that its outputs lie around 1/2 instead of 0.
#
# 1. Show on paper that $\tanh x = 2 \sigma(2x) - 1$, with $\sigma$ the sigmoid. What is the largest slope of
#    $2 \sigma(2x) - 1$, by the chain rule?
# 2. Write it as a layer, from `tn.Sigmoid`, and look at its gradients over 20 layers with std 0.1 in place of the
#    sigmoid's. Which curve do you expect?

# %%
class Stretched(tn.Sigmoid):
    """y = 2 sigmoid(2 x) - 1; still the plain sigmoid: mend forward and input_gradient."""

    def forward(self, x, train=False):
        return super().forward(x)

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved)

LAYERS["stretched"] = Stretched
x = np.linspace(-2, 2, 5)[:, None]
print("equal to tanh:", np.allclose(Stretched().forward(x)[0], np.tanh(x)))
print("gradient right:", tn.check_gradients(Stretched(), x).passed)
print(f"of the gradient arrives: {pass_through('stretched', 0.1)[0][0]:.0e}")

# %% [markdown]
# <details><summary>Solution</summary>
#
# $2\sigma(2x) - 1 = \frac{2}{1 + e^{-2x}} - 1 = \frac{1 - e^{-2x}}{1 + e^{-2x}} = \tanh x$. By the chain rule its
# slope is $2 \cdot 2 \cdot \sigma'(2x)$, at most $4 \cdot \frac14 = 1$.
#
# ```python
# def forward(self, x, train=False):
#     y, saved = super().forward(2 * x)
#     return 2 * y - 1, saved
#
# def input_gradient(self, dy, saved):
#     return 4 * super().input_gradient(dy, saved)
# ```
#
# The curve is tanh's: with std 0.1 a good part of the gradient arrives, where the plain sigmoid lets almost nothing
# through. A stretch and a shift, and the same bent line is trainable: what matters is the slope near 0 and outputs
# around 0, together with the initialization that fits.
#
# </details>
#
# Next: [7. Checking gradients](07_checking_gradients.ipynb)

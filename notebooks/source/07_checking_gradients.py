# %% [markdown]
# # 7. Checking gradients, and finding planted bugs
#
# A mistake in a forward pass often shows at once, in absurd numbers. A wrong sign in a backward pass may show nowhere.
# The network still trains, only worse, and you blame the learning rate. This notebook answers three questions:
#
# * How can a derivative be checked without knowing it?
# * Why do simple checks let bugs through, and raise alarms at what is right?
# * What does a bug look like, seen through such a check? Three are planted here for you to find.
#
# Throughout, `x` is an input array, `y = f(x)` what a layer makes of it, and the **loss** $L$ one number computed
# from `y`. A backward pass is given $dy = \partial L / \partial y$ (the *upstream gradient*, one number for each
# output) and returns $dx = \partial L / \partial x$ (one number for each input).
#
# You should know notebooks 1 to 3: gradients, and the layers of AlexNet. Nothing is downloaded; all cells together run
# in some seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinynet as tn
from tinynet.plots.pictures import BLUE, ORANGE, SKY

rng = np.random.default_rng(0)

# %% [markdown]
# ## How can a derivative be checked without knowing it?
#
# By its definition. Move the input a little to both sides and see how much the function moves:
#
# $$f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}$$
#
# This is a **central difference** with step $h$. For tanh we know the answer, $1 - \tanh^2 x$, and can compare.

# %%
h = 1e-5
numeric = (np.tanh(0.5 + h) - np.tanh(0.5 - h)) / (2 * h)
analytic = 1 - np.tanh(0.5) ** 2
print(f"numeric  {numeric:.12f}\nanalytic {analytic:.12f}")

# %% [markdown]
# Ten digits agree. Nothing but forward was needed, and forward is the part that we can trust.
#
# **And for an array of inputs?** The same for one entry after the other, all others held still. The loop is three
# lines.

# %%
def differences(loss, x, h=1e-5):
    """Return d loss / d x by central differences, an array of x's shape."""
    slopes = np.empty_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        slopes[index] = (loss(x + step) - loss(x - step)) / (2 * h)
    return slopes

# %% [markdown]
# **Which loss?** A layer's output is an array, and we need one number. We make one up: draw a random `dy` once and
# take $L = \sum_i dy_i\, y_i$. Its derivative by $y_i$ is $dy_i$, so `dy` *is* the upstream gradient of this loss,
# and `layer.backward(dy, saved)` must return exactly what `differences` measures.

# %%
def numeric_gradient(layer, x, dy):
    return differences(lambda moved: np.sum(dy * layer.forward(moved, train=True)[0]), x)

layer = tn.LocalResponseNorm(size=3, alpha=0.5)
x = rng.standard_normal((1, 2, 2, 6))                        # (N, H, W, C), float64
y, saved = layer.forward(x)
dy = rng.standard_normal(y.shape)

dx, _ = layer.backward(dy, saved)
numeric = numeric_gradient(layer, x, dy)
print("backward   ", dx[0, 0, 0])
print("differences", numeric[0, 0, 0])

# %% [markdown]
# **How equal is equal?** An error of 0.001 is much where gradients are 0.01 and nothing where they are 1000. So we
# divide by their size: the **relative error** $|a - n| / \max(|a|, |n|)$ of the analytic $a$ and the numeric $n$,
# here for whole arrays with their largest entry as the size.

# %%
def relative_error(analytic, numeric):
    return np.abs(analytic - numeric).max() / max(np.abs(analytic).max(), np.abs(numeric).max(), 1e-300)

print(f"{relative_error(dx, numeric):.1e}")

# %% [markdown]
# ## Which step $h$, and why float64?
#
# A smaller $h$ ought to be better: that is what "derivative" means. Let us measure the error for steps from
# $10^{-12}$ to 1, in both dtypes, and with the one-sided difference $(f(x+h) - f(x)) / h$ as well.

# %% tags=["picture"] alt="Errors over the step h: each curve falls to a lowest point and rises again"
def error(h, dtype, central=True):
    x, h = dtype(0.5), dtype(h)
    low, width = (x - h, 2 * h) if central else (x, h)
    return abs((np.tanh(x + h) - np.tanh(low)) / width - analytic)

steps = np.logspace(-12, 0, 200)
plt.figure(figsize=(8, 4.2))
plt.loglog(steps, [error(h, np.float32) for h in steps], color=SKY, label="central, float32")
one_sided = [error(h, np.float64, central=False) for h in steps]
plt.loglog(steps, one_sided, color=ORANGE, label="one-sided, float64")
plt.loglog(steps, [error(h, np.float64) for h in steps], color=BLUE, label="central, float64")
plt.xlabel("step h")
plt.ylabel("error of the slope")
plt.grid(alpha=0.3)
plt.legend()
plt.show()

# %% [markdown]
# Each curve has two arms, for two kinds of error.
#
# * **Right arm, truncation.** The function is not a straight line. Taylor's series says how much that matters: the
#   central difference is off by $h^2 f'''(x) / 6$, the one-sided by $h f''(x) / 2$. On these axes a power is a
#   straight line, and its exponent is the steepness: 2 and 1.
# * **Left arm, rounding.** Each value of $f$ is off in its last digit, by about $\varepsilon |f|$. Subtracting two
#   nearly equal numbers leaves mostly this error, and dividing by $2h$ makes it large: about $\varepsilon |f| / h$.
#   Here $\varepsilon$ is the spacing of the numbers near 1.
#
# The best step is where the two are equal.

# %%
def best(dtype, central=True):
    near = np.linspace(1, 1.4, 20)                         # a mean over nearby steps is smoother
    errors = [np.mean([error(h * factor, dtype, central) for factor in near]) for h in steps]
    k = int(np.argmin(errors))
    return f"best h {steps[k]:.0e}, error {errors[k]:.0e}"

for dtype in (np.float32, np.float64):
    eps = np.finfo(dtype).eps
    print(f"{dtype.__name__}, central:   {best(dtype)}   (epsilon**(1/3) is {eps ** (1 / 3):.0e})")
print(f"float64, one-sided: {best(np.float64, central=False)}   (epsilon**(1/2) is {eps ** 0.5:.0e})")

# %% [markdown]
# The rule of thumb for central differences, $h = \varepsilon^{1/3}$ times the size of $x$, follows from setting
# $h^2 = \varepsilon / h$. In float32 even the best step leaves five or six digits for one tanh, and fewer once
# thousands of numbers are summed up: a slightly wrong gradient cannot be told from a right one. **So check in
# float64**, whatever you train in: the formula is the same. tinynet's `check_gradients` converts by itself.
#
# ## Why a random upstream gradient, and not simply ones?
#
# "Sum up the outputs and differentiate" is shorter, and it is what many checks do: `dy` is all ones. Here is a
# softmax whose backward is plainly wrong. It returns zeros.

# %%
class ZeroSoftmax(tn.Softmax):
    def input_gradient(self, dy, saved):
        return np.zeros_like(dy)

wrong, scores = ZeroSoftmax(), rng.standard_normal((3, 5))
for name, dy in (("ones", np.ones((3, 5))), ("random", rng.standard_normal((3, 5)))):
    numeric = numeric_gradient(wrong, scores, dy)
    print(f"dy of {name}: backward says 0, differences at most {np.abs(numeric).max():.1e}")

# %% [markdown]
# Softmax's outputs sum to 1 whatever the scores are, so with `dy` of ones the loss is a constant and zero is right. The
# same happens to batch normalization, whose outputs sum to the same whatever comes in (it makes the mean of each
# channel 0). A random `dy` asks about all directions at once.
#
# ## What happens at a corner?
#
# ReLU, $y = \max(x, 0)$, has no derivative at 0: the slope is 0 on the left and 1 on the right. A maximum of two
# equal numbers has the same trouble. Such points are called **kinks**. What do differences say, at the kink and near
# it?

# %%
relu, one = tn.ReLU(), np.ones((1, 1))
for value in (0.0, 3e-6, 2e-5):
    x = np.array([[value]])
    numeric = numeric_gradient(relu, x, one)
    analytic, _ = relu.backward(one, relu.forward(x)[1])
    print(f"x = {value:7g}: backward {analytic[0, 0]:.2f}, differences (h 1e-5) {numeric[0, 0]:.2f}")

pool = tn.MaxPool2d(kernel_size=2, stride=2)
x = np.array([[1.0, 1.0], [0.0, 0.0]]).reshape(1, 2, 2, 1)   # a tie: two equal maxima
one = np.ones((1, 1, 1, 1))
numeric = numeric_gradient(pool, x, one)
analytic, _ = pool.backward(one, pool.forward(x)[1])
print("max-pooling of a tie: backward", analytic.ravel(), " differences", numeric.ravel())

# %% [markdown]
# Where a step crosses the kink, differences give something between the two slopes. At the kink itself there is no
# derivative, and beside it backward is right and the difference is not. A check has to notice this, or it raises a
# false alarm. Real data are full of kinks: black pixels, equal neighbours, units that are exactly 0. The remedy: use
# random numbers as inputs, look at the slopes to the left and to the right separately, and draw another probe where
# they disagree.
#
# ## What does a good check's report say?
#
# `tn.check_gradients(f, x)` does all of this for a layer, a network or a loss: float64, a random upstream gradient,
# steps whose size follows the numbers, kinks found out, dropout's random mask the same in every forward pass. It looks
# at the input *and* at every parameter.

# %%
conv = tn.Conv2d(2, 3, kernel_size=3, padding=1)
report = tn.check_gradients(conv, rng.standard_normal((2, 5, 5, 2)))
print(report)

# %% [markdown]
# A row for each array. To see many entries at once, the input is moved along a random direction, and along single
# entries: *analytic* is the slope that backward's gradient gives for that movement, *numeric* the slope that forward
# shows. The row is the worst of the array's probes.
#
# Now the same for our softmax of zeros. Below the table stands a sentence for each fault.

# %%
report = tn.check_gradients(wrong, scores)
print(report)
print("\npassed:", report.passed, " wrong:", report.wrong)

# %% [markdown]
# ## Can you find the bug?
#
# tinynet contains a catalogue of mistakes that people really make, each planted in a copy of a layer: here are its
# size and its families.

# %%
from collections import Counter

from tinynet.gradcheck.planted import CATALOGUE

families = Counter(bug.family for bug in CATALOGUE.values())
print(len(CATALOGUE), "planted bugs:")
print(", ".join(f"{family} {count}" for family, count in families.items()))

# %% [markdown]
# **A map of the errors says more than their size.** Below, for three suspects: what backward gives, what differences
# give, and the first minus the second, all three in the same colours (red above zero, blue below, white zero; so in
# the last, red is too large and blue too small). Try to say what the programmer
# did *before* you open the answer. So that the names don't give it away, they stand here in ROT13 (each letter moved
# by 13 places).

# %%
import codecs


def suspect(name):
    return CATALOGUE[codecs.decode(name, "rot13")]

def show(title, backward, numeric):
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    size = np.abs(numeric).max()
    panels = {"backward": backward, "differences": numeric, "error": backward - numeric}
    for axis, (what, array) in zip(axes, panels.items(), strict=True):
        axis.imshow(array, cmap="RdBu_r", vmin=-size, vmax=size)
        axis.set(title=what, xticks=range(0, array.shape[1], 2), yticks=range(0, array.shape[0], 2))
    figure.suptitle(title)
    plt.show()

# %% [markdown]
# **Suspect A** is a max-pooling layer with windows of 3 x 3 that are 2 apart. Each window passes its `dy` back to the
# position of its maximum; all other positions get 0.

# %% tags=["picture"] alt="Three grids of 13 x 13: dx by backward, by differences, and errors at a few places"
pool = suspect("znk-cbby-birejevggra").wrong(kernel_size=3, stride=2)
x = rng.standard_normal((1, 13, 13, 1))
y, saved = pool.forward(x)
dy = rng.standard_normal(y.shape)
backward, numeric = pool.backward(dy, saved)[0], numeric_gradient(pool, x, dy)
show("A: max-pooling, dx of a 13 x 13 image", backward[0, :, :, 0], numeric[0, :, :, 0])

# %% [markdown]
# *Hint: number the rows from 0. Which rows and columns belong to two windows, and where do the errors stand?*
#
# <details><summary>Answer A</summary>
#
# Windows start at rows 0, 2, 4 ... and are 3 high, so every even row but the first and the last belongs to two of
# them, and the same goes for columns. All errors stand in such a row or such a column. A pixel that is the maximum of
# several windows must get the `dy` of each: a sum. The programmer wrote `dx[winner] = dy` where `dx[winner] += dy`
# was needed, so the last window overwrites the others. With windows that don't overlap, 2 x 2 and 2 apart, the bug is
# invisible, and some public projects test with nothing else.
#
# </details>
#
# **Suspect B** is a convolution. The picture shows the gradient of one filter, 3 x 3 weights for one channel.

# %% tags=["picture"] alt="Three grids of 3 x 3: dw by backward, by differences, and errors, but for the middle"
conv, x = suspect("pbai2q-jrvtug-syvccrq-xreary").case()     # a layer and an input that suits it
y, saved = conv.forward(x)
dy = rng.standard_normal(y.shape)
w = conv.params["w"].copy()

def loss(weights):
    conv.params["w"] = weights
    return np.sum(dy * conv.forward(x)[0])

backward, numeric = conv.backward(dy, saved)[1]["w"], differences(loss, w)
show("B: convolution, dw of one filter and channel", backward[:, :, 0, 0], numeric[:, :, 0, 0])

# %% [markdown]
# *Hint: compare the first two pictures with each other. Where has each square gone?*
#
# <details><summary>Answer B</summary>
#
# The first picture is the second turned by 180 degrees. The programmer thought of the convolution of mathematics
# textbooks, which flips its filter; forward does not, here as in today's usual frameworks. One entry, the one in the
# middle, is right: a check that looks at a single entry may hit just that.
#
# </details>
#
# **Suspect C** is a local response normalization (LRN): each channel is divided by a power of what it and its
# neighbours sum up to, $y_c = x_c / (k + \alpha \sum_j x_j^2)^\beta$, where $j$ runs over the 5 channels around $c$.

# %% tags=["picture"] alt="Three grids of 6 x 8: dx by backward and by differences, alike, and an error all white"
kind = suspect("yea-ab-pebff-punaary-grez").wrong
norm, x = kind(alpha=1e-4), rng.standard_normal((1, 1, 6, 8))     # the paper's alpha
y, saved = norm.forward(x)
dy = rng.standard_normal(y.shape)
backward, numeric = norm.backward(dy, saved)[0], numeric_gradient(norm, x, dy)
show("C: normalization, dx of 6 positions with 8 channels each", backward[0, 0], numeric[0, 0])
print(f"relative error {relative_error(backward, numeric):.1e}")

# %% [markdown]
# Nothing to see, and an error that some tests would accept as rounding. Is it rounding? `check_gradients` knows how
# large that can be. And what if we turn $\alpha$ up?

# %%
layers = {"right layer": tn.LocalResponseNorm(alpha=1e-4), "suspect C": norm,
          "suspect C with alpha = 1": kind(alpha=1.0)}
for name, layer in layers.items():
    row = tn.check_gradients(layer, x)["x"]
    print(f"{name:25} {row.verdict:6} relative error {row.relative_error:.1e}")

# %% [markdown]
# <details><summary>Answer C</summary>
#
# A channel $x_c$ reaches the loss on several paths: by its own output, and through the denominators of its neighbours'
# outputs. This backward knows its own denominator only; the cross terms are missing. With the paper's
# $\alpha = 10^{-4}$, and inputs of about 1 as here, they are a tiny part of the gradient, below the tolerance of many
# tests, and still far above the rounding of float64. Two lessons: know how large rounding can be, and test a term where
# it matters, with $\alpha$ near 1. (In AlexNet it matters with $10^{-4}$, too: its activations are up to 100 and more,
# and what counts is $\alpha x^2$.)
#
# </details>
#
# What the catalogue says about the three, and the sentence of the report, which tries to name the kind of mistake
# from the wrong entries alone:

# %%
for name in ("znk-cbby-birejevggra", "pbai2q-jrvtug-syvccrq-xreary", "yea-ab-pebff-punaary-grez"):
    bug = suspect(name)
    print(f"{bug.name}: {bug.sentence}\n    report: {bug.check().faults[0].sentence}\n")

# %% [markdown]
# ## What do the usual checks catch?
#
# Let us run our three-line check on four families of the catalogue, once with `dy` of ones and once random. An alarm
# is a relative error above $10^{-4}$. The right version of each layer is checked too: an alarm there is a false one.

# %%
def alarm(f, x, dy):
    y, saved = f.forward(x, train=True)
    return relative_error(f.backward(dy(y.shape), saved)[0], numeric_gradient(f, x, dy(y.shape))) > 1e-4

def random(shape):
    return np.random.default_rng(1).standard_normal(shape)   # the same at each call

checks = {
    "dy of ones": lambda f, x: alarm(f, x, np.ones),
    "random dy": lambda f, x: alarm(f, x, random),
    "check_gradients": lambda f, x: not tn.check_gradients(f, x).passed,
}
print(f"{'caught':14}" + "".join(f"{name:>18}" for name in checks))
healthy = {}                                                 # each right layer once
for family in ("activations", "softmax", "lrn", "pooling"):
    bugs = [bug for bug in CATALOGUE.values() if bug.family == family]
    healthy |= {(bug.right, bug.make): bug.case(right=True) for bug in bugs}
    caught = [sum(check(*bug.case()) for bug in bugs) for check in checks.values()]
    print(f"{family:14}" + "".join(f"{f'{count} of {len(bugs)}':>18}" for count in caught))
false = [sum(check(*case) for case in healthy.values()) for check in checks.values()]
print(f"{'false alarms':14}" + "".join(f"{f'{count} of {len(healthy)}':>18}" for count in false))

# %% [markdown]
# Ones miss an activation whose backward depends on the sign of `dy`, and raise an alarm at the right softmax, whose
# gradient is 0 then, so that rounding is compared with rounding. Their "6 of 6" at softmax is worth nothing: an alarm
# that always rings catches everything. The random `dy` misses one bug in LRN that is weaker still than suspect C: a
# window one channel short, an error of 5e-5, below our 1e-4. And neither looked at parameters or at kinks yet.
#
# The same over the whole catalogue but for its bugs in optimizers, which have no gradient (so 168 of 213), with six
# usual ways to check and 55 cases of right code, some of them awkward (ties, pixels of 0, saturated units): the totals
# in [benchmarks/GRADIENT_CHECKS.md](../benchmarks/GRADIENT_CHECKS.md), which says what each way is and names every bug
# (Python 3.11.7, NumPy 2.4.6, PyTorch 2.13.0 on a CPU). The catalogue was written together with tinynet's check, whose
# own tests ask it to catch all of it: its column says no more than that.
#
# | | ones | float32 | one entry | one-sided | Jacobian | PyTorch | tinynet |
# |---|---:|---:|---:|---:|---:|---:|---:|
# | gradients, all | 157 of 168 | 156 of 168 | 136 of 168 | 162 of 168 | 162 of 168 | 113 of 153 | 168 of 168 |
# | false alarms | 14 of 55 | 9 of 55 | 5 of 55 | 8 of 55 | 4 of 55 | 0 of 19 | 0 of 55 |
#
# ## And now by yourself
#
# `tinynet exercise` on the command line lists broken layers for you to mend, from ReLU's mask to
# normalization inside two towers. `tinynet exercise 1` writes a short file, `tinynet exercise 1 --check` says how far
# you are and names what is wrong first, `--hint` helps.
#
# ## Exercise
#
# A layer of your own: $y = x\,\sigma(x)$ with $\sigma(x) = 1 / (1 + e^{-x})$ (it is called Swish or SiLU). The
# backward pass below forgets something. Derive it on paper, mend it, and run the cell until the report is content.
# Use $\sigma' = \sigma (1 - \sigma)$.

# %%
from typing import NamedTuple


class Saved(NamedTuple):
    x: np.ndarray

class Swish(tn.Layer):
    """y = x * sigmoid(x)."""

    def forward(self, x, train=False):
        return x / (1 + np.exp(-x)), Saved(x)

    def input_gradient(self, dy, saved):
        s = 1 / (1 + np.exp(-saved.x))
        return dy * s                                        # mend me

print(tn.check_gradients(Swish(), rng.standard_normal((4, 3))))

# %% [markdown]
# <details><summary>Solution</summary>
#
# By the product rule $y' = \sigma(x) + x\,\sigma(x)(1 - \sigma(x))$: the first factor's path and the second's.
#
# ```python
# def input_gradient(self, dy, saved):
#     s = 1 / (1 + np.exp(-saved.x))
#     return dy * (s + saved.x * s * (1 - s))
# ```
#
# The forgotten path is the commonest of all mistakes in backward passes: an input that reaches the loss on two paths,
# of which one was differentiated.
#
# </details>
#
# Next: [8. Write your own](08_write_your_own.ipynb)

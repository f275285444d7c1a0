# %% [markdown]
# # 9. Two towers: figure 2 of the paper
#
# **AlexNet was trained on two graphics cards, because one could not hold it. What did each card do, and what had to go
# from one to the other?** Krizhevsky, Sutskever and Hinton (2012, section 3.5 and figure 2) gave each card half of the
# filters of every convolution and half of the units of fc6 and fc7, and let the cards talk in front of some layers
# only.
#
# You should know notebook 3, what each layer does. Everything here runs in one process, in about 20 seconds; the same
# in two processes is one command, `mpirun -n 2 tinynet train --split towers ...` (docs/processes.md), and gives the
# same numbers.

# %%
import numpy as np
from matplotlib.patches import FancyBboxPatch

import tinynet as tn
from tinynet.distributed.team import Team
from tinynet.distributed.towers import crossing_table, crossings, cut
from tinynet.plots.pictures import BLUE, ORANGE, Picture

# %% [markdown]
# ## What each tower has, and what crosses
#
# conv2, conv4 and conv5 have two groups: a filter sees the maps of its own half only. Each half is a tower. `cut` gives
# the network of one of them, with an exchange in front of every layer that sees all maps.

# %%
paper = tn.alexnet()
print(cut(paper, Team()).summary())

# %% [markdown]
# `both_conv3`, `both_fc6` and `both_fc7` are the exchanges: a tower gives its maps and gets the other one's, so that
# conv3 sees 256 maps, 128 of each. fc8 is split the other way round: each tower works out what its own 2,048 units
# contribute to all 1,000 scores, and the two contributions are added.
#
# This is figure 2 of the paper, from the shapes of the network: boxes as high as the maps and as wide as they are many,
# and in orange what crosses, in megabytes from each tower to the other for a batch of 128, forward. (Backward
# the gradients of the same numbers cross, but for fc8, whose upstream gradient both towers have.)

# %% tags=["picture"] alt="A row of boxes for each tower; arrows cross in front of conv3, fc6 and fc7, and meet in fc8"
tower = cut(paper, Team())
shapes = tower.shapes(paper.input_shape)
shown = ["pool1", "pool2", "conv3", "conv4", "pool5", "fc6", "fc7", "fc8"]
crossing = {each.layer: 4 * 128 * each.forward / 1e6 for each in crossings(paper)}
before = {"conv3": "pool2", "fc6": "pool5", "fc7": "fc6", "fc8": "fc7"}

picture = Picture(figsize=(11, 4.2), layout="constrained")
axes = picture.subplots()


def size(name):
    """Width and height of a box: by the number of maps and their size, or by the number of units."""
    shape = shapes[name]
    return (shape[2] / 400, shape[0] / 22) if len(shape) == 3 else (0.16, shape[0] / 1600)


for place, name in enumerate(shown):
    (width, height), shape = size(name), shapes[name]
    for side in (1.3, -1.3) if name != "fc8" else (0,):
        axes.add_patch(FancyBboxPatch((place - width / 2, side - height / 2), width, height, facecolor="white",
                                      edgecolor=BLUE, boxstyle="round,pad=0.02", linewidth=1.5))
        text = f"{name}\n" + (" x ".join(map(str, shape)) if len(shape) == 3 else str(shape[0]))
        axes.text(place, side + np.sign(side or -1) * (height / 2 + 0.1), text, fontsize=8, ha="center",
                  va="bottom" if side > 0 else "top")
        if place + 1 < len(shown) - 1 and side:  # on to the next layer of the same tower
            axes.annotate("", (place + 0.95 - size(shown[place + 1])[0] / 2, side), (place + 0.05 + width / 2, side),
                          arrowprops={"arrowstyle": "->", "color": "grey"})
for name, source in before.items():
    start, end = shown.index(source) + 0.12 + size(source)[0] / 2, shown.index(name) - 0.08 - size(name)[0] / 2
    to = 0.1 if name == "fc8" else 1.1
    for sign in (1, -1):
        axes.annotate("", (end, sign * to if name == "fc8" else -sign * to), (start, sign * 1.1),
                      arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 1 + crossing[name] / 4})
    axes.text((start + end) / 2, 0, f"{crossing[name]:.1f} MB", color=ORANGE, fontsize=9, ha="center", va="center",
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
axes.text(-0.5, 1.3, "tower 0", ha="right", va="center")
axes.text(-0.5, -1.3, "tower 1", ha="right", va="center")
axes.set(xlim=(-1.2, len(shown) - 0.6), ylim=(-2.6, 2.6))
axes.axis("off")
picture

# %% [markdown]
# ## Why just there?
#
# The obvious other way to use two cards is to give each half of the images: then the gradients of all parameters have
# to be added up after every step. For a batch of 128:

# %%
print(crossing_table(paper, batch_size=128))

# %% [markdown]
# The towers send an eighth of that. conv3 costs most, because maps of 13 x 13 are sent for every image. If conv2, conv4
# and conv5 saw all maps, too, their inputs would cross as well:

# %%
maps = {"conv2": shapes["pool1"], "conv4": shapes["conv3"], "conv5": shapes["conv4"]}
for name, shape in maps.items():
    print(f"{name}: {np.prod(shape) * 4 * 128 / 1e6:.1f} MB forward, and as many back")

# %% [markdown]
# So of the places between convolutions, the one in front of conv3 is the cheapest to cross.
#
# ## The numbers that crossed
#
# A smaller network with the same two towers, for images of 127 pixels, and one photograph. (Its weights are random: it
# does not matter here what they have learned.)

# %%
net = tn.alexnet_medium(towers=2, seed=1)
photograph = tn.data.load_image(tn.data.sample_photograph("spaniels"), (127, 127))
images = (photograph[None].astype(np.float32) - 118) / 58
trace = tn.trace(net, images, np.array([1]))
trace["conv3"].explain(output=(0, 2, 3, 5))

# %% [markdown]
# Filter 5 of conv3 is one of tower 0's. In its window are 3 x 3 places of 256 maps: maps 0 to 127 are tower 0's own,
# and 128 to 255 came from tower 1. Whose share in the number is it?

# %%
explanation = trace["conv3"].explain(output=(0, 2, 3, 5))
window = explanation.parts[0]
channel = window.factors[0].indices[:, 3]  # of each term's x
print(f"tower 0's own maps: {window.values[channel < 128].sum():+.4f}, from {np.sum(channel < 128)} products")
print(f"from tower 1:       {window.values[channel >= 128].sum():+.4f}, from {np.sum(channel >= 128)} products")
print(f"the number itself:  {explanation.value:+.4f}")

# %% [markdown]
# For conv4 the same question has only one answer: its filters have 192 maps each, all of their own tower. That is what
# `groups=2` means.

# %%
print(net["conv3"].params["w"].shape, net["conv4"].params["w"].shape)
seen = trace["conv4"].explain(output=(0, 2, 3, 5)).parts[0].factors[0].indices[:, 3]
print("filter 5 of conv4 sees maps", seen.min(), "to", seen.max())

# %% [markdown]
# ## And backward
#
# Map 7 of pool2 is tower 0's. It was used by the filters of both towers, so its gradient has two parts: what tower 0's
# own filters say about it, and what tower 1's say, which is what comes back.

# %%
back = trace["conv3"].explain(grad="x", at=(0, 2, 3, 7))
back

# %%
part = back.parts[0]
factor = next(factor for factor in part.factors if factor.name.startswith("dy"))
theirs = factor.indices[:, 3] >= 192  # filters 192 to 383 are tower 1's
print(f"from tower 0's filters: {part.values[~theirs].sum():+.3e}")
print(f"from tower 1's filters: {part.values[theirs].sum():+.3e}  (this number crosses on the way back)")
print(f"the gradient:           {back.value:+.3e}")

# %% [markdown]
# In two processes these sums are what `BothTowers` in `tinynet/distributed/tower_layers.py` adds: forward it lays the
# maps of both towers side by side, backward it adds up what both say about its own. Ten lines each.
#
# In the paper the towers also learned different things: its figure 3 has edges without colour in one tower, and colours
# in the other, "independent of any particular random weight initialization". In our trainings for ten
# classes [no tower became colour's](../results/README.md).

# %% [markdown]
# ## Exercise
#
# At which batch size do both ways send the same amount? What crosses between the towers grows with the batch, the
# gradients do not. Work it out from `crossings(paper)` and `paper.parameter_count` before you look.
#
# <details><summary>Solution</summary>
#
# ```python
# numbers = sum(each.forward + each.back for each in crossings(paper))   # of one image: 57,576
# paper.parameter_count / numbers                                        # 1058.9
# ```
#
# With 1,059 images or more, adding up the gradients is less. But a card of 2012 did not hold such a batch: that was
# what the towers were for.
#
# </details>
#
# Next: [10. From loops to fast code](10_fast_code.ipynb)

# %% [markdown]
# # 5. What did it learn?
#
# **Nobody told the network what an edge is, or a wheel, or a face. What did it find by itself in 9,469 photographs?**
# We look at its filters, at the patches of images that excite its units most, at what happens when a part of a
# photograph is covered, and at what it confuses with what.
#
# You should know notebook 4, which follows one photograph through this network. All cells together run in about 20
# seconds. The pictures here are made from three free photographs and drawn shapes. If you have a folder of photographs,
# write its path into the next cell: any photographs do, and Imagenette's folder `val` is the best.

# %%
from pathlib import Path

import numpy as np
from PIL import Image

import tinynet as tn
from tinynet.data.imagenet import word_of
from tinynet.plots import (
    confusion_matrix,
    first_layer_filters,
    occlusion,
    patch_sheet,
    prediction_sheet,
    receptive_field,
    strongest_patches,
)
from tinynet.tracing.pictures import activation_maps, pixel_maps

FOLDER = None  # such as "imagenette/val"
net = tn.pretrained("alexnet-medium")
NAMES = [word_of(name) for name in net.class_names]
print(net.notes[-1])

# %% [markdown]
# ## conv1: what the pixels are asked
#
# Before training, the 48 filters are random numbers; here are those of He's initialization (notebook 6 says why
# they have this size). No number in them knows of its neighbour.

# %% tags=["picture"] alt="The 48 filters of conv1 before training: coloured noise"
first_layer_filters(tn.alexnet_medium(init="he"))

# %% [markdown]
# After training:

# %% tags=["picture"] alt="The 48 filters of conv1 after training: edges, gratings and blobs of colour"
first_layer_filters(net)

# %% [markdown]
# Edges and gratings in many directions, mostly grey, and blobs of colour: what the paper's figure 3 shows. Edges are
# also what neurons in the first visual area of a cat's brain answer to (Hubel and Wiesel 1962). Nobody put them there.
# A filter of edges is what remains when the same small steps are taken for thousands of photographs, probably because
# edges are what photographs have in common.
#
# How much of a filter is picture, and how much noise? In noise, neighbouring weights have nothing to do with each
# other: their correlation is 0.

# %%
def neighbours(w):
    """Return the correlation of weights side by side, for each filter of w (KH, KW, C, F)."""
    return np.array([np.corrcoef(w[:, :-1, :, f].ravel(), w[:, 1:, :, f].ravel())[0, 1] for f in range(w.shape[3])])


print("He's initialization:", neighbours(tn.alexnet_medium(init="he")["conv1"].params["w"]).mean().round(2))
print("after training:     ", neighbours(net["conv1"].params["w"]).mean().round(2))

# %% [markdown]
# ## What does a filter see?
#
# Take the filter with the most colour and the one with the least, and let them look at the cathedral: orange is "here
# it is".

# %% tags=["picture"] alt="Maps of two filters for the cathedral: spots on the building, and sky with scattered specks"
church = net.preprocessing.load_image(tn.data.sample_photograph("berlin_cathedral"))
w = net["conv1"].params["w"]  # (11, 11, 3, 48)
grey = w.mean(axis=2, keepdims=True)
share_of_colour = ((w - grey) ** 2).sum(axis=(0, 1, 2)) / (w**2).sum(axis=(0, 1, 2))  # 0 for a grey filter
picks = [int(share_of_colour.argmax()), int(share_of_colour.argmin())]
maps = tn.trace(net, net.preprocessing(church[None]), np.array([4]))["relu1"].output[0]  # (30, 30, 48)
print(f"filter {picks[0]}: {share_of_colour[picks[0]]:.0%} of it is colour; filter {picks[1]}: "
      f"{share_of_colour[picks[1]]:.0%}")
activation_maps(maps[..., picks], f"relu1, channels {picks[0]} and {picks[1]}")

# %% [markdown]
# The first filter finds its colours in spots on the building; the other one is excited by the sky, and by specks
# elsewhere.
#
# ## Deeper: which patches excite a unit most?
#
# From conv2 on a filter has no picture: it adds up 48 maps, not three colours. So we ask differently (Zeiler and Fergus
# 2013): go through many images, find where a channel's number is largest, and cut out the part of the image that this
# number depends on, its **receptive field**.

# %%
for layer in ("relu1", "relu2", "relu3", "relu5"):
    rows, _ = receptive_field(net, layer)
    print(f"{layer}: {rows.size} x {rows.size} pixels, the next unit {rows.step} pixels further on")

# %% [markdown]
# A unit of conv2 sees 51 x 51 pixels. One in the middle of conv5 sees all of the image, and beyond its edges; one in
# the top left corner sees 99 x 99 pixels of it.
#
# Which images? Those in your folder, if you gave one. Else 360 squares cut out of the three free photographs, large
# and small, and 200 drawn shapes.

# %%
def square(image, rng):
    """Cut a square of random size and position out of a photograph, at the size that the network stores."""
    side = int(rng.uniform(0.3, 1.0) * min(image.size))
    left, top = rng.integers(0, image.width - side + 1), rng.integers(0, image.height - side + 1)
    return np.asarray(image.crop((left, top, left + side, top + side)).resize(net.preprocessing.image_size))


if FOLDER is None:
    rng = np.random.default_rng(0)
    files = [tn.data.sample_photograph(name) for name in ("berlin_cathedral", "spaniels", "light_bulb")]
    opened = [Image.open(file).convert("RGB") for file in files]
    cuts = [square(image, rng) for image in opened for _ in range(120)]
    shapes = tn.data.draw_shapes(200, net.preprocessing.image_size[0], seed=0).images
    images = np.concatenate([np.stack(cuts), shapes])  # uint8 (560, 143, 143, 3)
else:
    files = sorted(path for path in Path(FOLDER).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    files = files[:: -(-len(files) // 2000)]            # of all classes, 2000 at most
    images = np.stack([net.preprocessing.load_image(file) for file in files])
print(images.shape, images.dtype)

# %% [markdown]
# For each of six channels of conv2, the nine patches with the largest numbers, at most one of each image. The channels
# are those whose largest number stands out most from their mean.

# %% tags=["picture"] alt="Nine patches for each of six channels of relu2: corners and edges of similar colours"
def choosy(layer, count):
    """Return the channels of a layer whose largest number is the most times their mean, over some of the images."""
    layers = list(net.layers.items())
    part = tn.Network(layers[: [name for name, _ in layers].index(layer) + 1])
    maps = part.forward(net.preprocessing(images[::3]))[0]  # (n, h, w, channels)
    best, mean = maps.max(axis=(0, 1, 2)), maps.mean(axis=(0, 1, 2))
    often = (maps.max(axis=(1, 2)) > 0.5 * best).sum(axis=0) >= 9  # nine images at least excite it
    return np.where(often, best / (mean + 1e-3), 0).argsort()[::-1][:count].tolist()


patch_sheet(net, images, "relu2", choosy("relu2", 6))

# %% [markdown]
# Patches in a block have something in common, if not always what one would have named. Remember that the network chose
# neither the channels nor the images: what a channel answers to most *among these images* need not be what it learned
# from photographs.
#
# Now conv5. A unit there is excited by larger parts of the image.

# %% tags=["picture"] alt="Nine patches for each of six channels of relu5: spaniels, light bulbs, domes"
patch_sheet(net, images, "relu5", choosy("relu5", 6))

# %% [markdown]
# And the numbers behind one block:

# %%
channel = choosy("relu5", 1)[0]
for patch in strongest_patches(net, images, "relu5", channel, count=3):
    print(f"{patch.value:.2f} in image {patch.image}, rows {patch.rows.start} to {patch.rows.stop}, "
          f"columns {patch.columns.start} to {patch.columns.stop}")

# %% [markdown]
# ## What does it need to see?
#
# A square in the mean colour is moved over the photograph; dark is where it hurts the class that the network named.

# %% tags=["picture"] alt="The light bulb, and its occlusion map: covering the upper round part takes the answer away"
PHOTO = tn.data.sample_photograph("light_bulb")  # or "a/photograph/of/yours.jpg"
stored = net.preprocessing.load_image(PHOTO)
x = net.preprocessing(stored[None])
answer = int(tn.predict(net, stored[None]).argmax())
pixel_maps(x[0], {f"probability of {NAMES[answer]}, a square here": occlusion(net, x[0], answer, size=32, stride=4)})

# %% tags=["picture"] alt="The light bulb with the five likeliest classes; golf ball comes first"
prediction_sheet(stored[None], tn.predict(net, stored[None]), class_names=NAMES)

# %% [markdown]
# A light bulb is in none of its classes, and yet it is sure. It learned to tell ten things apart, and nothing about
# what else there is: among its ten classes, a round white thing looks most like a golf ball. Do not read a high
# probability as "certainly".

# %% [markdown]
# ## What does it take for what?
#
# The rows are what is in the photograph, the columns what the network said. With Imagenette's folder `val` this is
# counted anew, on 2,000 of it at most; else these are the counts of 978 of its photographs, as `tinynet evaluate` gave
# them.

# %% tags=["picture"] alt="A table of true classes against first guesses in percent, dark on its diagonal"
COUNTS = np.array([
    [81, 2, 1, 5, 0, 1, 0, 1, 5, 1],
    [0, 86, 0, 8, 1, 2, 1, 0, 1, 0],
    [0, 1, 75, 2, 1, 3, 1, 6, 0, 1],
    [2, 4, 2, 63, 0, 10, 5, 4, 4, 3],
    [0, 0, 0, 1, 85, 4, 4, 4, 1, 1],
    [1, 0, 0, 13, 5, 77, 1, 2, 0, 0],
    [2, 1, 4, 5, 5, 0, 77, 2, 1, 1],
    [1, 0, 9, 7, 3, 4, 7, 63, 5, 1],
    [3, 2, 2, 1, 2, 2, 3, 2, 83, 0],
    [1, 4, 2, 3, 1, 0, 2, 0, 4, 81],
])
if FOLDER is not None and sorted(path.name for path in Path(FOLDER).iterdir()) == net.class_names:
    labels = np.array([net.class_names.index(file.parent.name) for file in files])
    COUNTS = np.zeros((10, 10), int)
    np.add.at(COUNTS, (labels, tn.predict(net, images).argmax(axis=1)), 1)
confusion_matrix(COUNTS, NAMES)

# %% [markdown]
# Look for the largest numbers off the diagonal, and ask what may explain them: a chain saw and a French horn are often
# held by somebody, a gas pump and a garbage truck stand in streets. The exercise asks for a third kind.

# %% [markdown]
# ## Exercise
#
# 1. Which class has the largest error, and what is it most often taken for? Compute it from `COUNTS`.
# 2. Shuffle the pixels of all images: is a channel of conv1 still excited? And one of conv2? Guess before you try.
# 3. Put a photograph of your own into `PHOTO`. Cut it closer, or cover the background: does the answer change?
#
# <details><summary>Solution</summary>
#
# ```python
# errors = 1 - COUNTS.diagonal() / COUNTS.sum(axis=1)                      # 1.
# worst = int(errors.argmax())
# others = COUNTS[worst] * (np.arange(10) != worst)
# print(NAMES[worst], errors[worst], "most often taken for", NAMES[int(others.argmax())])
#
# pixels = images.reshape(len(images), -1, 3)                              # 2.
# shuffled = pixels[:, np.random.default_rng(0).permutation(pixels.shape[1])].reshape(images.shape)
# for layer in ("relu1", "relu2"):
#     channel = choosy(layer, 1)[0]
#     for each in (images, shuffled):
#         print(layer, channel, strongest_patches(net, each, layer, channel, count=1)[0].value)
# ```
#
# 1. Gas pumps: 37% of them, most often taken for cassette players. Both are boxes with a panel of figures.
#
# 2. For us 13.5 instead of 22.1 in conv1, and 2.1 instead of 4.9 in conv2. A blob of colour may find its colour in
#    shuffled pixels; an edge is an order of pixels, which is gone. conv2 asks for an order of edges, and finds less.
# </details>
#
# Next: [6. ReLU, tanh and sigmoid](06_vanishing_gradients.ipynb)

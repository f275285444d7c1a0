"""Exercises on images: their order in memory, and windows that slide over them."""
from .examine import examine_layer
from .exercise import Case, Exercise, Mend

POOL = (
    Case("windows side by side (2, stride 2)", {"kernel_size": 2, "stride": 2}, (2, 6, 4, 2)),
    Case("windows that overlap (3, stride 2)", {"kernel_size": 3, "stride": 2}, (2, 7, 9, 2)),
    Case("windows that overlap more (3, stride 1)", {"kernel_size": 3, "stride": 1}, (2, 5, 6, 1)),
)
TIES = (
    Case("ties, windows side by side", {"kernel_size": 2, "stride": 2}, (2, 6, 4, 2), ties=True),
    Case("ties, windows that overlap", {"kernel_size": 3, "stride": 2}, (2, 7, 9, 2), ties=True),
)

FLATTEN_ORDER = Exercise(
    7, "flatten_order", "easy", "images to rows, and back", "Flatten", examine_layer, (
        Case("1 channel", {}, (2, 3, 4, 1)), Case("3 channels", {}, (2, 3, 4, 3)),
        Case("as many channels as rows and columns", {}, (2, 3, 3, 3)),
    ), (
        "Flatten moves no number: it gives them other indices. What must backward do?",
        "In which order do the numbers of one image lie in a row of y: does the channel run fastest, or slowest?",
        "The line undoes the order (C, H, W), which other frameworks use. Here the images are (H, W, C).",
    ), (Mend("        n, h, w, c = saved.x.shape\n", ""),
        Mend("dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)                    # (N, H, W, C)",
             "dy.reshape(saved.x.shape)                                       # (N, H, W, C)")),
    "The row has the numbers of the image in the order of memory, the channel running fastest, so the same order cut "
    "into (N, H, W, C) undoes it. A transposition is needed where forward has one. The shape is right either way, and "
    "with one channel the numbers too.",
    bug="flatten-channels-first",
)

MAX_POOL_OVERLAP = Exercise(
    12, "max_pool_overlap", "medium", "windows that overlap", "MaxPool2d", examine_layer, POOL + TIES, (
        "At stride 2 and windows of 3 a place can lie under four windows. What if it is the largest in two of them?",
        "Its change then changes two outputs, and the loss feels both.",
        "What happens to the number that is already in dx when a place wins for the second time?",
    ), (Mend("dx[place] = np.where(wins, dy, dx[place])", "dx[place] += dy * wins"),),
    "A place that wins in several windows gets the sum of their dy: `+=`. With `=` the last window's dy replaces the "
    "others. With windows side by side no place is in two of them, and `=` is right: tests at 2/2 alone cannot see "
    "this.",
    bug="max-pool-overwritten",
)

MAX_POOL_TIES = Exercise(
    13, "max_pool_ties", "medium", "two winners in one window", "MaxPool2d", examine_layer, POOL + TIES, (
        "In a window of four zeros, how many places get dy, and what is the sum of what they get?",
        "Each window has to remember whether its winner was met already. The loop goes row by row, which is the order.",
        "Keep an array of booleans of the shape of dy: all True before the loop, False once a window's winner was met.",
        "A place wins where it equals the maximum and its window is still free.",
    ), (Mend("        for place in self.places(saved.x.shape):\n            wins = saved.x[place] == saved.y   "
             "                                # (N, OH, OW, C)\n            dx[place] += dy * wins\n",
             "        free = np.ones(dy.shape, dtype=bool)  # windows whose winner has not been met yet\n"
             "        for place in self.places(saved.x.shape):\n"
             "            wins = (saved.x[place] == saved.y) & free                          # (N, OH, OW, C)\n"
             "            dx[place] += dy * wins\n"
             "            free &= ~wins\n"),),
    "Giving dy to every place that equals the maximum multiplies it by the number of ties: up to nine times too much "
    "in a window of zeros. One place has to get it; which one is a convention, and the first in row-major order is "
    "the usual one. Dividing dy among the ties is another convention, and not the one asked for here.",
    bug="max-pool-every-tie-rewarded",
)

AVG_POOL_BORDER = Exercise(
    14, "avg_pool_border", "medium", "averages at the border", "AvgPool2d", examine_layer, (
        Case("all windows inside", {"kernel_size": 2, "stride": 2}, (2, 6, 4, 2)),
        Case("windows past the edge (ceil_mode)", {"kernel_size": 3, "stride": 2, "ceil_mode": True}, (2, 6, 8, 2)),
        Case("padding and ceil_mode", {"kernel_size": (3, 2), "stride": 2, "padding": (1, 0), "ceil_mode": True},
             (2, 6, 5, 2)),
    ), (
        "What does forward divide by, and what does backward?",
        "A place had the share 1 / (places that its window sees) in the mean. At the border that is not 1 / (KH * KW).",
        "`self.window.cells` gives the numbers, as in forward; dy is (N, OH, OW, C), they are (OH, OW).",
    ), (Mend("        kh, kw = self.window.kernel\n"
             "        return window_sum_back(dy / (kh * kw), saved.x.shape, self.window)",
             "        cells = self.window.cells(saved.x.shape[1:3])\n"
             "        return window_sum_back(dy / cells[:, :, None].astype(dy.dtype), saved.x.shape, self.window)"),),
    "Forward divides each window's sum by the number of places it sees, so each of these had the share 1 / cells, and "
    "gets dy / cells back. KH * KW is that number for windows that lie inside the image (and its padding) only.",
    bug="avg-pool-ceil-mode-count",
)

CONV_PADDING = Exercise(
    15, "conv_padding", "medium", "zeros around the image", "Conv2d", examine_layer, (
        Case("no padding", {"in_channels": 2, "out_channels": 3, "kernel_size": (2, 3)}, (2, 5, 6, 2)),
        Case("padding (1, 1)", {"in_channels": 2, "out_channels": 3, "kernel_size": (3, 3), "padding": (1, 1)},
             (2, 5, 6, 2)),
        Case("padding (1, 2)", {"in_channels": 2, "out_channels": 3, "kernel_size": (3, 5), "padding": (1, 2)},
             (2, 5, 4, 2)),
    ), (
        "`total` belongs to the image with zeros around it. Where in it does the image itself begin?",
        "What is cut off must be what `with_zeros` has added: the same number of rows at the top and at the bottom.",
        "The image begins at row PH and column PW of `total`, `self.padding`, and is H x W large.",
    ), (Mend("        return total[:, :h, :w]",
             "        ph, pw = self.padding\n        return total[:, ph : ph + h, pw : pw + w]"),),
    "The gradient is first that of the padded image, (H + 2 PH, W + 2 PW). The zeros around it are constants, so their "
    "gradient is dropped: PH rows at the top and at the bottom, PW columns left and right. Cut at one side alone, the "
    "shape is right and the gradient is that of an image moved by the padding. Slices like [ph:-ph] would fail "
    "without padding.",
    bug="conv2d-input-padding-cropped-at-end",
)

CONV_STRIDE = Exercise(
    16, "conv_stride", "hard", "col2im, from rows back to an image", "Conv2d", examine_layer, (
        Case("stride 1", {"in_channels": 2, "out_channels": 3, "kernel_size": 3}, (2, 5, 6, 2)),
        Case("stride 2", {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2}, (2, 7, 9, 2)),
        Case("stride (3, 2), larger than the window is wide",
             {"in_channels": 2, "out_channels": 2, "kernel_size": (2, 1), "stride": (3, 2)}, (2, 8, 6, 2)),
    ), (
        "In which row of the image does window (1, 0) begin at stride 2? Where does the loop add what it saw first?",
        "What the windows have at (i, j) is `stride` rows and columns apart in the image, beginning at (i, j).",
        "A slice with a step: from i on, in steps of the vertical stride, OH places. Where must it stop?",
        "slice(i, i + (OH - 1) * SH + 1, SH) has exactly OH places; `window.stride` is (SH, SW).",
    ), (Mend("    patches = cols.reshape(n, oh, ow, kh, kw, c)\n",
             "    sh, sw = window.stride\n    patches = cols.reshape(n, oh, ow, kh, kw, c)\n"),
        Mend("image[:, i : i + oh, j : j + ow] +=",
             "image[:, i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw] +=")),
    "Window (y, x) begins at (y * SH, x * SW), so what it saw at (i, j) goes back to (y * SH + i, x * SW + j). For all "
    "windows at once that is a slice in steps of the stride. Within one (i, j) no two windows meet, so += on the slice "
    "is safe; between different (i, j) they do, and the loop adds up.",
    bug="conv2d-input-stride-forgotten",
)

CONV_GROUPS = Exercise(
    17, "conv_groups", "hard", "two towers", "Conv2d", examine_layer, (
        Case("1 group", {"in_channels": 2, "out_channels": 3, "kernel_size": (2, 3)}, (2, 4, 5, 2)),
        Case("2 groups", {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "padding": 1, "groups": 2},
             (2, 4, 5, 4)),
        Case("3 groups, stride 2", {"in_channels": 3, "out_channels": 6, "kernel_size": 2, "stride": 2, "groups": 3},
             (2, 6, 4, 3)),
    ), (
        "Go through dw filter by filter, dw[..., f]: which are right, and which are not?",
        "A filter's gradient is made of the inputs that it saw. Which channels does the second group see?",
        "`each_group` yields the channels of each group; `input_gradient` uses them.",
    ), (Mend("for _, filters, w in self.each_group():\n"
             "            cols = im2col(saved.x[..., : self.in_channels // self.groups], self.window)",
             "for channels, filters, w in self.each_group():\n"
             "            cols = im2col(saved.x[..., channels], self.window)"),),
    "The weights of group g were multiplied with the channels of group g, so their gradient is the product of dy with "
    "those channels. Taking the first group's channels each time gives a gradient of the right shape, right for the "
    "first tower. A test with one group cannot see it.",
    bug="conv2d-weight-first-group",
)

WINDOWS = (FLATTEN_ORDER, MAX_POOL_OVERLAP, MAX_POOL_TIES, AVG_POOL_BORDER, CONV_PADDING, CONV_STRIDE, CONV_GROUPS)

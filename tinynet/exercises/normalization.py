"""Exercises on normalization, where each number reaches the loss by more than one path."""
from .examine import examine_layer
from .exercise import Case, Exercise, Mend

LRN = (
    Case("the paper's settings", {}, (2, 2, 3, 8)),
    Case("alpha = 1", {"alpha": 1.0}, (2, 2, 3, 8)),
    Case("size 3, beta = 0.5, k = 1", {"size": 3, "alpha": 0.7, "beta": 0.5, "k": 1.0}, (2, 3, 2, 5)),
    Case("more channels in a window than there are", {"size": 9, "alpha": 0.5, "beta": 1.0, "k": 1.0}, (2, 2, 2, 3)),
)

LRN_OWN_PATH = Exercise(
    18, "lrn_own_path", "hard", "neighbours in local response normalization", "LocalResponseNorm", examine_layer, LRN, (
        "x[c] is part of scale[c], and of the scale of its neighbours. Which outputs change with x[c]?",
        "y[c'] = x[c'] * scale[c']**-beta. Its derivative by scale[c'] is -beta * x[c'] * scale[c']**(-beta - 1).",
        "The derivative of scale[c'] by x[c] is 2 * alpha * x[c], for every c' that has c in its window.",
        "c' has c in its window exactly when c has c' in its own: the sum over c' is a nearby_sum again.",
    ), (Mend("        return own\n",
             "        shared = saved.x * nearby_sum(own * saved.x / saved.scale, self.size)\n"
             "        return own - 2 * self.alpha * self.beta * shared\n"),),
    "Two paths lead from x[c] to the loss. Its own output gives dy * scale**-beta. The scales of the channels c' "
    "around c give the sum over c' of dy[c'] * (-beta) * x[c'] * scale[c']**(-beta - 1) * 2 * alpha * x[c]; own * "
    "x / scale is dy * x * scale**(-beta - 1). At alpha = 1e-4, with inputs around 1, this part is about a "
    "ten-thousandth of the gradient: tests at the paper's settings with a loose tolerance pass without it.",
    bug="lrn-own-path-only",
)

BATCH_NORM_VARIANCE = Exercise(
    19, "batch_norm_variance", "hard", "batch normalization has three paths", "BatchNorm2d", examine_layer, (
        Case("training", {"channels": 3}, (4, 3, 2, 3)),
        Case("training, eps = 0.1, images not square", {"channels": 2, "eps": 0.1}, (2, 4, 3, 2)),
        Case("evaluation", {"channels": 3}, (4, 3, 2, 3), train=False),
    ), (
        "Make one x larger: the mean changes. What else changes that all outputs of the channel are divided by?",
        "The code has two of the paths: through x's own output, and through the mean. Write "
        "d loss / d variance as a sum over the channel.",
        "d variance / d x = 2 * (x - mean) / count. With `normalized` = (x - mean) / deviation most factors cancel.",
        "What is missing is subtracted beside through_mean: normalized times the mean of dy * normalized.",
    ), (Mend("            own = dy - through_mean\n",
             "            through_variance = saved.normalized * (dy * saved.normalized).mean(axis=(0, 1, 2))\n"
             "            own = dy - through_mean - through_variance\n"),),
    "In training, normalized has mean 0 and variance 1 whatever x is, so the gradient can have no part along either: "
    "the mean of dy is taken away, and so is the part of dy along normalized, normalized * mean(dy * normalized). In "
    "evaluation mean and variance are constants, and only the path through x's own output is there.",
    bug="batch-norm-no-path-through-variance",
)

LRN_POWER = Exercise(
    20, "lrn_power", "hard", "the power in local response normalization", "LocalResponseNorm", examine_layer, LRN, (
        "Which of the two parts is wrong: is the first what you get with constant scales?",
        "The shared part comes from the derivative of scale**-beta by scale. What becomes of the power?",
        "d scale**-beta / d scale = -beta * scale**(-beta - 1).",
    ), (Mend("dy * saved.x * saved.scale**-self.beta,", "dy * saved.x * saved.scale ** (-self.beta - 1),"),),
    "A derivative lowers the power by one: the shared part has scale**(-beta - 1), as in own * x / scale. While k = 2 "
    "and alpha is small, scale is nearly 2 everywhere and the mistake looks like a factor of 2 in a part that is "
    "itself tiny; with k = 1 it nearly vanishes.",
    bug="lrn-power-off-by-one",
)

LRN_TOWERS = Exercise(
    21, "lrn_towers", "hard", "local response normalization in two towers", "LocalResponseNorm", examine_layer, (
        *LRN, Case("2 towers", {"alpha": 1.0, "groups": 2}, (2, 2, 3, 8)),
        Case("3 towers, windows larger than they are", {"size": 7, "alpha": 0.5, "beta": 0.5, "k": 1.0, "groups": 3},
             (2, 2, 2, 6)),
    ), (
        "First make the case of one group right. `back` is dy * x * scale**(-beta - 1): what does it still have to be "
        "multiplied by, and at which channel?",
        "d scale[c'] / d x[c] = 2 * alpha * x[c]: the channel of the derivative, not of the output that it reaches.",
        "shared[c] is x[c] times the sum of back[c'] over the channels c' whose window has c in it.",
        "Then the towers: which pairs (c, c') does forward go over, and which does backward?",
        "A channel at the end of one tower must get nothing from the next tower: give `pairs` the number of groups.",
    ), (Mend("self.pairs(dy.shape[-1], 1)", "self.pairs(dy.shape[-1], self.groups)"),
        Mend("shared[..., c] += saved.x[..., other] * back[..., other]",
             "shared[..., c] += saved.x[..., c] * back[..., other]")),
    "From x[c] to y[c'] the path goes through scale[c'], whose derivative by x[c] is 2 * alpha * x[c]. So dx[c] has "
    "x[c] * back[c'] for each c' of its window: the factor x is the channel's own, and only `back` is the other's. The "
    "pairs must be those of forward, inside a tower; windows that reach across give gradients to channels that had no "
    "influence, at the two channels on either side of each border and nowhere else.",
    # no bug: two mistakes at once; the catalogue's lrn-across-towers is one of them
)

NORMALIZATION = (LRN_OWN_PATH, BATCH_NORM_VARIANCE, LRN_POWER, LRN_TOWERS)

"""The sentences of the course's checks: each names what a beginner's mistake is."""
import pytest
from support.course_checks import check_text

from tinynet.course.steps import find_step

SUM = ("float(-log_p[correct].mean())", "float(-log_p[correct].sum())")
MEANT = ("dscores / len(scores)", "dscores")
LOG_OF_P = ("float(-log_p[correct].mean())", "float(-np.log(np.exp(log_p)[correct]).mean())")
NOT_SHIFTED = ("shifted = scores - scores.max(axis=1, keepdims=True)", "shifted = scores")
MANY = ("return float(-log_p[correct].mean())", "return float(-np.log((np.exp(scores) / np.exp(scores).sum(axis=1, "
        "keepdims=True))[correct]).mean())")
PLACE = "dx[place] += dy * wins"

SENTENCES = {
    "loss-summed": (3, [SUM], "(the number of images) times the right one: a sum where the mean should be", "dscores:"),
    "loss-and-gradient-summed": (3, [SUM, MEANT], "dscores: it is 4 (the number of images) times the right one", "1/4"),
    "loss-over-classes": (3, [("dscores / len(scores)", "dscores / scores.size")],
                          "dscores: it is 1/6 (1 / the number of classes)", " x["),
    "loss-plus-one": (3, [("dscores[correct] -= 1", "dscores[correct] += 1")],
                      "dscores: right except at the labels, dscores[n, labels[n]]", "simple pattern"),
    "loss-writes": (3, [("    correct =", "    scores -= 1\n    correct =")], "it writes into scores", "forward"),
    "loss-log-of-p": (3, [LOG_OF_P], "log p = shifted - log(sum of exp(shifted))", "dscores:"),
    "loss-not-shifted": (3, [MANY], "Subtract the largest score", "dscores:"),
    "relu-at-zero": (1, [("(x, 0)\n        return y, y", "(x, 0)\n        return y, x"),
                          ("dy * (saved > 0)", "dy * (saved >= 0)")], "where the slope is taken to be 0", "window"),
    "relu-float64": (1, [("dy * (saved > 0)", "dy * (saved > 0).astype('float64')")], "np.zeros(shape, x.dtype)", ""),
    "tanh-saved-x": (1, [("np.tanh(x)\n        return y, y", "np.tanh(x)\n        return y, x")],
                     "Is what you saved what backward takes it for?", "differences"),
    "relu-forward": (1, [("np.maximum(x, 0)", "np.maximum(x, 1)")], "y[", "dx:"),
    "col2im-put": (6, [(": stride] += rows[", ": stride] = rows[")],
                   "right where a pixel is under one window, wrong where it is under several", ""),
    "col2im-padding-0": (6, [("[:, padding : padding + h, padding : padding + w]",
                              "[:, padding:-padding, padding:-padding]")], "is [0:0], which is empty", ""),
    "col2im-mean": (6, [("return total[:,", "return (total / kernel**2)[:,")], "1/9 (1 / kernel**2)", ""),
    "im2col-channels-first": (6, [("    return rows.reshape(n * oh * ow,",
                                   "    return rows.transpose(0, 1, 2, 5, 3, 4).reshape(n * oh * ow,")],
                              "another order: (channel, row in the window, column in the window)", ""),
    "im2col-stops": (6, [("np.empty((n, oh, ow,", "np.empty((n, oh, ow + 1,")], "im2col, 2 images of", ""),
    "im2col-float64": (6, [("kernel, c), x.dtype)", "kernel, c))")], "np.zeros(shape, x.dtype)", ""),
    "crop-own-generator": (17, [("    n, h, w, c =", "    generator = np.random.default_rng(0)\n    n, h, w, c =")],
                           "a second call with the same generator gives the same result", ""),
    "mirror-no-generator": (17, [("flip = generator.random", "flip = np.random.default_rng().random")],
                            "for a generator in the same state it gives another result", ""),
    "colour-own-generator": (17, [("alpha = generator.normal", "alpha = np.random.default_rng(0).normal")],
                             "a second call with the same generator gives the same result", ""),
    "network-dict": (15, [("list(layers)\n\n", "dict(layers)\n\n"), ("in self.layers\n", "in self.layers.items()\n"),
                          ("in self.layers:", "in self.layers.items():"),
                          ("reversed(self.layers)", "reversed(self.layers.items())")],
                     "net.layers is a dict, expected the list of (name, layer)", ""),
    "max-pool-put": (9, [(PLACE, "dx[place] = dy * wins")], "Add with +=", "simple pattern"),
}


def told(step, changes):
    text = find_step(step).solution
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    points = check_text(find_step(step), text).points
    return "\n".join(f"{point.what}: {point.fault}" for point in points if point.fault)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_mistake_is_told_in_words_that_name_its_cause(name):
    step, changes, says, never = SENTENCES[name]
    text = told(step, changes)
    assert says in text and (not never or never not in text), text

"""Step 8 of 17: convolution in groups, the two towers of AlexNet.

AlexNet was trained on two graphics cards, half of the filters on each, and in most layers a filter saw the channels on
its own card only (Krizhevsky et al. 2012, figure 2). That is a convolution in two groups: the C channels and the F
filters fall into G equal parts, the first C/G channels and the first F/G filters being group 0, and so on. A filter of
group g sees the channels of group g:

    y[..., filters of g] = the convolution (step 7) of x[..., channels of g]
                           with w[..., filters of g] and b[filters of g]

Shapes: w is (K, K, C/G, F), a filter having C/G channels to look at; all others as in step 7. With G = 1 it is step 7.

To write: the two methods.   Uses step 7 (Conv2d) or step 6 (im2col), as you like.   Then: tinynet course check 8
"""
import numpy as np
from step_07_conv import Conv2d


class GroupedConv2d:
    """A convolution in groups, with self.params["w"] and self.params["b"]."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.params = {
            "w": np.zeros((kernel_size, kernel_size, in_channels // groups, out_channels), np.float32),
            "b": np.zeros(out_channels, np.float32),
        }

    def forward(self, x, train=False):
        """Return y (N, OH, OW, F) and saved."""
        # solution
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        outputs, saved = [], []
        for g in range(self.groups):
            conv = Conv2d(c, f, self.kernel_size, self.stride, self.padding)
            filters = slice(g * f, (g + 1) * f)
            conv.params = {"w": self.params["w"][..., filters], "b": self.params["b"][filters]}
            y, of_group = conv.forward(x[..., g * c : (g + 1) * c], train)
            outputs.append(y)
            saved.append((conv, of_group))
        return np.concatenate(outputs, axis=-1), saved

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {"w": dw (K, K, C/G, F), "b": db (F,)}."""
        # solution
        f = self.out_channels // self.groups
        parts = [conv.backward(dy[..., g * f : (g + 1) * f], of_group) for g, (conv, of_group) in enumerate(saved)]
        dx = np.concatenate([dx for dx, _ in parts], axis=-1)
        return dx, {name: np.concatenate([grads[name] for _, grads in parts], axis=-1) for name in ("w", "b")}

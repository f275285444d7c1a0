"""Step 6 of 17: im2col, from an image to the rows that its windows see; and col2im, the way back.

A window of K x K pixels slides over an image (H, W, C) in steps of `stride`. First `padding` rows and columns of zeros
are put around the image, on each of its four sides. There are

    OH = (H + 2 * padding - K) // stride + 1    positions down, and OW, the same with W, across.

    im2col     row (n, i, j) = the K * K * C numbers that the window at (i, j) sees in image n,
               in the order (row in the window, column in the window, channel)

The window at (i, j) begins at row i * stride and column j * stride of the padded image. With windows as rows, a
convolution is one product of matrices (step 7), and that is what makes it fast.

    col2im     image = zeros; each number of each row is added to the pixel that im2col took it from

A pixel under several windows gets a sum; the border of zeros is cut off at the end. It is not the inverse of im2col but
its transpose, what its backward pass needs: a pixel is in several rows, and the loss feels it through all of them.

A loop over the K * K places (u, v) in the window, not over the OH * OW windows, is short and fast: for one place, what
all windows see there is one slice of the image, image[:, u : ... : stride, v : ... : stride].

Given: output_size. To write: im2col and col2im.   Uses no earlier step.   Then: tinynet course check 6
"""
import numpy as np


def output_size(length, kernel, stride, padding):
    """Return OH for length = H, or OW for length = W."""
    return (length + 2 * padding - kernel) // stride + 1


def im2col(x, kernel, stride=1, padding=0):
    """Return the rows (N*OH*OW, K*K*C) of images x (N, H, W, C), of the same dtype: all of image 0 first, row by row.

    kernel : int, K
    """
    # solution
    n, h, w, c = x.shape
    oh, ow = output_size(h, kernel, stride, padding), output_size(w, kernel, stride, padding)
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows = np.empty((n, oh, ow, kernel, kernel, c), x.dtype)
    for u in range(kernel):
        for v in range(kernel):
            rows[:, :, :, u, v] = x[:, u : u + (oh - 1) * stride + 1 : stride, v : v + (ow - 1) * stride + 1 : stride]
    return rows.reshape(n * oh * ow, kernel * kernel * c)


def col2im(rows, shape, kernel, stride=1, padding=0):
    """Return images (N, H, W, C) in which each number of `rows` (N*OH*OW, K*K*C) was added to its pixel.

    rows : of the dtype that the images get, too
    shape : (N, H, W, C), of the images that im2col had
    """
    # solution
    n, h, w, c = shape
    oh, ow = output_size(h, kernel, stride, padding), output_size(w, kernel, stride, padding)
    rows = rows.reshape(n, oh, ow, kernel, kernel, c)
    total = np.zeros((n, h + 2 * padding, w + 2 * padding, c), rows.dtype)
    for u in range(kernel):
        for v in range(kernel):
            total[:, u : u + (oh - 1) * stride + 1 : stride, v : v + (ow - 1) * stride + 1 : stride] += rows[
                :, :, :, u, v]
    return total[:, padding : padding + h, padding : padding + w]

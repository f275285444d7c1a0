import numpy as np


def output_size(length, kernel, stride, padding):
    return (length + 2 * padding - kernel) // stride + 1


def positions(shape, kernel, stride, padding):
    _, h, w, _ = shape
    for i in range(output_size(h, kernel, stride, padding)):
        for j in range(output_size(w, kernel, stride, padding)):
            yield i * stride - padding, j * stride - padding


def im2col(x, kernel, stride=1, padding=0):
    n, h, w, c = x.shape
    rows = []
    for image in x:
        for top, left in positions(x.shape, kernel, stride, padding):
            row = []
            for a in range(top, top + kernel):
                for b in range(left, left + kernel):
                    row.extend(image[a, b] if 0 <= a < h and 0 <= b < w else [0] * c)
            rows.append(row)
    return np.array(rows, x.dtype)


def col2im(rows, shape, kernel, stride=1, padding=0):
    n, h, w, c = shape
    image = np.zeros(shape, rows.dtype)
    number = 0
    for i in range(n):
        for top, left in positions(shape, kernel, stride, padding):
            place = 0
            for a in range(top, top + kernel):
                for b in range(left, left + kernel):
                    if 0 <= a < h and 0 <= b < w:
                        image[i, a, b] += rows[number, place : place + c]
                    place += c
            number += 1
    return image

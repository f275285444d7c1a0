// y[row, c] = sum of x[row, c - half .. c + half],  as far as the channels of c's own group go
//
// In NumPy: nearby_sum in tinynet/ops/numpy_ops.py; a row is a place (n, h, w). It is its own adjoint.
//
//      x[row, :]    a group of 5          another group of 5
//                 | 1   2   3   4   5 | 6   7   8   9  10 |
//                           ^   ^   ^
//      one thread:          3 + 4 + 5    half = 1, c = 3: one number of y
//                               4 + 5    c = 4, the group's last channel
//
// Axis letters as in tinynet/layers/base.py. real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void nearby_sum(
    const real* __restrict__ x, real* __restrict__ y, long long rows, int C, int length, int half)
{
    int c = blockIdx.y * blockDim.x + threadIdx.x;  // a block: some channels of some rows
    long long row = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (c >= C || row >= rows) return;

    int first = c - c % length, last = first + length - 1;  // channels of the group
    real sum = 0;
    for (int near = max(first, c - half); near <= min(last, c + half); ++near) sum += x[row * C + near];
    y[row * C + c] = sum;
}

// y = x / scale**beta,  scale[row, c] = k + alpha * (sum of x**2 over the channels c - half .. c + half of c's group)
//
// The whole layer in one pass, forward and backward. Its plain form is LocalResponseNorm in tinynet/layers/lrn.py,
// whose expressions would each go over the memory. A row is a place (n, h, w), one thread has one number of y:
//
//      x[row, :]    a group of 5          another group of 5
//                 | 1   2   3   4   5 | 6   7   8   9  10 |
//                           ^   ^   ^
//      one thread:          9 +16 +25    half = 1, c = 3: the sum of its squares
//
// Axis letters as in tinynet/layers/base.py. real: float or double, by a line that cuda_ops.py puts in front.

// b**e for b > 0: a third of the instructions of pow, which must be right for every b
__device__ inline real power(real b, real e) { return exp2(e * log2(b)); }

extern "C" __global__ void local_response_norm(
    const real* __restrict__ x, real* __restrict__ y, real* __restrict__ scale, long long rows, int C, int length,
    int half, real k, real alpha, real beta)
{
    int c = blockIdx.y * blockDim.x + threadIdx.x;  // a block: some channels of some rows
    long long row = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (c >= C || row >= rows) return;

    int first = c - c % length, last = first + length - 1;  // channels of the group
    real sum = 0;
    for (int near = max(first, c - half); near <= min(last, c + half); ++near) {
        real value = x[row * C + near];
        sum += value * value;
    }
    long long here = row * C + c;
    scale[here] = k + alpha * sum;
    y[here] = x[here] * power(k + alpha * sum, -beta);
}

// dx = dy scale**-beta - 2 alpha beta x * (sum of dy x scale**(-beta - 1) over the same channels)
//
// Two paths from x[c] to the loss: its own output, and the scale of every nearby channel.
extern "C" __global__ void local_response_norm_back(
    const real* __restrict__ dy, const real* __restrict__ x, const real* __restrict__ scale, real* __restrict__ dx,
    long long rows, int C, int length, int half, real alpha, real beta)
{
    int c = blockIdx.y * blockDim.x + threadIdx.x;
    long long row = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (c >= C || row >= rows) return;

    int first = c - c % length, last = first + length - 1;
    real sum = 0;
    for (int near = max(first, c - half); near <= min(last, c + half); ++near) {
        long long i = row * C + near;
        sum += dy[i] * x[i] * power(scale[i], -beta - 1);
    }
    long long here = row * C + c;
    dx[here] = dy[here] * power(scale[here], -beta) - 2 * alpha * beta * x[here] * sum;
}

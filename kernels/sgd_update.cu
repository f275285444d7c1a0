// v <- momentum v - decay w - rate g;  w <- w + v,   where decay is weight decay times learning rate
//
// In NumPy: sgd_update in tinynet/ops/numpy_ops.py, which goes over the memory once for each operation. Here
//
//      w  | . . . o . . . |
//      v  | . . . o . . . |      one thread: the same place in all three; it reads 3 numbers and writes 2
//      g  | . . . o . . . |
//
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void sgd_update(
    real* __restrict__ w, real* __restrict__ v, const real* __restrict__ g, long long numbers,
    real rate, real momentum, real decay)
{
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= numbers) return;
    v[i] = momentum * v[i] - decay * w[i] - rate * g[i];
    w[i] += v[i];
}

// m <- beta1 m + rest1 g;  v <- beta2 v + rest2 g g;  w <- w - decay w - step m / (sqrt(v / left) + epsilon)
// = Adam's step, with 1 - beta1 in rest1, 1 - beta2 in rest2, rate / (1 - beta1^t) in step, 1 - beta2^t in left, and
// weight decay times learning rate in decay: in float32 a 1 - 0.999 worked out here would be off by 5e-5.
//
// In NumPy: adam_update in tinynet/ops/numpy_ops.py, which goes over the memory once for each operation. Here
//
//      w  | . . . o . . . |
//      m  | . . . o . . . |      one thread: the same place in all four; it reads 4 numbers and writes 3
//      v  | . . . o . . . |
//      g  | . . . o . . . |
//
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void adam_update(
    real* __restrict__ w, real* __restrict__ m, real* __restrict__ v, const real* __restrict__ g, long long numbers,
    real beta1, real rest1, real beta2, real rest2, real step, real left, real epsilon, real decay)
{
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= numbers) return;
    m[i] = beta1 * m[i] + rest1 * g[i];
    v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    w[i] -= decay * w[i];
    w[i] -= step * m[i] / (sqrt(v[i] / left) + epsilon);
}

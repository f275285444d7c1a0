// dx[n, h, w, c] = sum of dcols[(n, i, j), (p, q, c)] over the windows (i, j) that see (h, w), at their place (p, q)
//
// In NumPy: col2im in tinynet/ops/numpy_ops.py, the adjoint of im2col. One thread: one number of dx.
//
//      kernel 3, stride 2: (h, w) is the last place of window (i - 1, j - 1) and the first of window (i, j)
//
//      window (i-1, j-1)  [ . . . ]   window (i-1, j)  [ . . . ]
//                         [ . . . ]                    [ . . . ]
//                         [ . . o ]                    [ o . . ]
//      window (i, j-1)    [ . . o ]   window (i, j)    [ o . . ]     dx[n, h, w, c] is the sum of the four o
//                         [ . . . ]                    [ . . . ]
//                         [ . . . ]                    [ . . . ]
//
// It fetches what it needs, where NumPy's form adds what each window has. So no two threads write to one place, there
// is nothing to wait for, and the sums come out the same in every run. Window i sees the rows i SH to i SH + KH - 1,
// counted from where the padding begins. The last that sees row h is therefore (h + top) / SH, if there are as many,
// and those before it do as long as p = h + top - i SH stays below KH.
//
// Axis letters as in tinynet/layers/base.py; SH, SW: the window's stride, top, left: the padding above and to the left.
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void col2im(
    const real* __restrict__ dcols, real* __restrict__ dx,
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;  // a block: some channels and columns of one row of one image
    int w = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || w >= W) return;
    int n = blockIdx.x / H, h = blockIdx.x % H;

    int last_i = min((h + top) / SH, OH - 1), last_j = min((w + left) / SW, OW - 1);
    real sum = 0;
    for (int i = last_i, p = h + top - i * SH; i >= 0 && p < KH; --i, p += SH) {  // p grows, as in NumPy's form
        for (int j = last_j, q = w + left - j * SW; j >= 0 && q < KW; --j, q += SW) {
            long long row = ((long long)n * OH + i) * OW + j;
            sum += dcols[(row * KH * KW + p * KW + q) * C + c];
        }
    }
    dx[((long long)blockIdx.x * W + w) * C + c] = sum;
}

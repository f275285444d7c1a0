// What CUDA C has and C++ has not, so that a kernel's own text compiles with g++. `cuda_on_cpu.py` puts this in front.
#include <stddef.h>

#define __global__
#define __device__ static
struct dim3 { unsigned x, y, z; };
static thread_local dim3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;

// CUDA's mathematics is overloaded: a float gives a float.
static inline float exp2(float x) { return __builtin_exp2f(x); }
static inline double exp2(double x) { return __builtin_exp2(x); }
static inline float log2(float x) { return __builtin_log2f(x); }
static inline double log2(double x) { return __builtin_log2(x); }
static inline float sqrt(float x) { return __builtin_sqrtf(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }

static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }

// Memory of exactly the size asked for, from an allocator that the address sanitizer watches.
extern "C" void *take_memory(size_t bytes) { return __builtin_malloc(bytes); }
extern "C" void give_memory_back(void *memory) { __builtin_free(memory); }

// Every `of`-th thread of every block, beginning with the thread `part`.
template <class Kernel> static void run_part(Kernel kernel, unsigned part, unsigned of) {
    unsigned number = 0;
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
    for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
    for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
        if (number++ % of == part) kernel();
}

#ifdef TWO_THREADS  // the thread sanitizer sees what two of them touch
#include <thread>
template <class Kernel> static void run_grid(Kernel kernel) {
    std::thread other([&] { run_part(kernel, 1, 2); });
    run_part(kernel, 0, 2);
    other.join();
}
#else
template <class Kernel> static void run_grid(Kernel kernel) { run_part(kernel, 0, 1); }
#endif

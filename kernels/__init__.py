"""CUDA kernels, one file per operation; `tinynet.primitives.on_gpu` loads them. README.md says what they cost."""

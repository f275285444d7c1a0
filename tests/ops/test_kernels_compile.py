"""Every kernel compiled with NVIDIA's own compiler NVRTC, which needs no GPU and no driver."""
import ctypes
import importlib.util
import re
from pathlib import Path

import pytest
from support.kernel_checks import FILES

from tinynet.ops import cuda_ops


class Nvrtc:
    """NVRTC through ctypes: source text to machine code (sm_..) or assembler text (compute_..)."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))

    def compile(self, code: str, architecture: str) -> bytes:
        """Return what the compiler makes of the code; RuntimeError with its words, warnings too."""
        program = ctypes.c_void_p()
        self.call("nvrtcCreateProgram", ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
        options = [f"--gpu-architecture={architecture}".encode(), b"-std=c++17"]
        failed = self.library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = self.fetch(program, "ProgramLog").rstrip(b"\0").decode()
        if failed or log.strip():
            raise RuntimeError(log)
        return self.fetch(program, "CUBIN" if architecture.startswith("sm") else "PTX")

    def fetch(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self.call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self.call(f"nvrtcGet{what}", program, buffer)
        return buffer.raw

    def call(self, name: str, *args) -> None:
        code = self.library[name](*args)
        assert code == 0, f"{name} returned {code}"


@pytest.fixture(scope="module")
def nvrtc():
    package = importlib.util.find_spec("nvidia.cuda_nvrtc") if importlib.util.find_spec("nvidia") else None
    folders = [Path(folder) for folder in package.submodule_search_locations or []] if package else []
    found = [path for folder in folders for path in (folder / "lib").glob("libnvrtc.so.*")]
    if not found:
        pytest.skip("nvidia-cuda-nvrtc-cu12 is not installed (extra 'gpu-test')")
    return Nvrtc(found[0])


@pytest.mark.parametrize("real", ["float", "double"])
@pytest.mark.parametrize("file", FILES)
def test_compiles_for_an_old_and_a_new_architecture(nvrtc, file, real):
    for architecture in ("sm_75", "sm_90"):  # Turing (2018) and Hopper (2022)
        assert nvrtc.compile(cuda_ops.source(file, real), architecture)[:4] == b"\x7fELF"


@pytest.mark.parametrize("file", FILES)
def test_float_kernels_do_no_arithmetic_in_double(nvrtc, file):
    assert not re.search(rb"\.f64", nvrtc.compile(cuda_ops.source(file, "float"), "compute_75"))


def test_what_is_wrong_is_found(nvrtc):
    good = cuda_ops.source("sgd_update", "float")
    for old, new in (("momentum *", "momentun *"), ("long long i =", "long long unused, i =")):
        assert good.count(old) == 1
        with pytest.raises(RuntimeError, match="momentun|unused"):
            nvrtc.compile(good.replace(old, new), "sm_75")
    doubled = good.replace("- rate *", "- 1.0 * rate *")
    assert doubled != good and b".f64" in nvrtc.compile(doubled, "compute_75")

"""Runs tinynet's commands where every use of the network is noted and refused, also in the processes they start."""
import os
import subprocess
import sys
from pathlib import Path

from tinynet.data import draw_shapes

# Read by every Python that starts with its folder on PYTHONPATH. Sockets of the file system are no network.
HOOK = """
import os, sys

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") or (
        event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple)
    ):
        with open(os.environ["TINYNET_NETWORK_LOG"], "a") as file:
            file.write(f"{event} {arguments[-1] if event == 'socket.connect' else arguments[0]}\\n")
        raise OSError("this process may not use the network")

sys.addaudithook(refuse)
"""
PROGRAM = """
import json, sys
from tinynet.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    print(words[0], code, flush=True)
"""


def write_folder(folder: Path) -> None:
    """A small folder of images by class, to train on."""
    from PIL import Image

    shapes = draw_shapes(48)
    for split, indices in (("train", range(32)), ("val", range(32, 48))):
        for index in indices:
            path = folder / split / ("round" if shapes.labels[index] < 3 else "with corners") / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(shapes.images[index]).save(path)


def commands(image: Path) -> list[list[str]]:
    """All commands that a user meets but `demo` and `download`, on next to nothing."""
    return [
        ["summary", "alexnet-small", "lenet5"],
        ["train", "--model", "alexnet-small", "--data", "images", "--image-size", "32", "--epochs", "1", "--batch-size",
         "16", "--run", "run"],
        ["evaluate", "run", "--data", "images"],
        ["predict", str(image), "--checkpoint", "run"],
        ["convert", "run/best.npz", "net.pth"],
        ["models"],
        ["trace", str(image), "--checkpoint", "run", "--html", "page.html"],
        ["exercise", "1"],
        ["exercise", "1", "--check"],
        ["lesson", "pooling", "--quick", "--images", "64", "--epochs", "1", "--seeds", "1", "--rates", "0.01", "--run",
         "lesson"],
    ]


def run_without_network(folder: Path, python: str = sys.executable, *, words: list[list[str]] | None = None,
                        path: Path | None = None, seconds: float = 900) -> tuple[list[str], list[str], str]:
    """Run commands in `folder`; return what they ended with, the uses of the network, and what went to standard error.

    `path`: where tinynet is, unless that Python has it installed.
    """
    import json

    hook, log = folder / "hook", folder / "network.txt"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(HOOK)
    log.write_text("")
    if words is None:
        write_folder(folder / "images")
        words = commands(next((folder / "images" / "val").rglob("*.png")))
    on_path = os.pathsep.join(str(each) for each in (hook, path) if each is not None)
    environment = os.environ | {"PYTHONPATH": on_path, "TINYNET_NETWORK_LOG": str(log)}
    run = subprocess.run([python, "-c", PROGRAM, json.dumps(words)], cwd=folder, env=environment, capture_output=True,
                         text=True, timeout=seconds)
    names = {each[0] for each in words}
    ended = [line for line in run.stdout.splitlines() if line.split(" ")[0] in names and len(line.split()) == 2]
    return ended, log.read_text().splitlines(), run.stderr

"""Does one tower see colour and the other brightness? The first layer's filters of trained networks, by tower.

    python benchmarks/tower_colour.py runs/alexnet/last.npz ... [--picture FILE.png]

Printed are, for each network with two towers, the part of each tower's squared weights in conv1 that is colour (mean
and standard deviation over the filters, weighted by their energy; 67% in random filters), and how far the towers are
apart beside random halves of the same filters, as in `tinynet lesson towers`. The picture is figure 3 of the paper, the
tower with less colour above the other, each sorted by colour.
"""
import argparse
from pathlib import Path

import tinynet as tn
from tinynet.lessons.towers_figure import draw_filters
from tinynet.lessons.towers_numbers import apart, colour_of_towers, shares
from tinynet.plots import Picture

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    filters = {path: tn.load_checkpoint(path)["conv1"].params["w"] for path in options.checkpoints}
    for path, w in filters.items():
        found = colour_of_towers(w)
        print(f"{path}: {shares(found)} colour, {apart(found)} points apart")
    if options.picture:
        picture = Picture(figsize=(9, 3 * len(filters)), layout="constrained")
        places = picture.subfigures(len(filters), 1, squeeze=False)[:, 0]
        for place, (path, w) in zip(places, filters.items(), strict=True):
            draw_filters(place, w, "/".join(Path(path).parts[-2:]))
        picture.savefig(options.picture, dpi=150)

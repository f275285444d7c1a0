"""The end of the first run on a GPU: how each part ended, tinynet beside PyTorch, and where the largest loss is.

    summary.py OUTPUT_FOLDER NAME:OUTCOME:SECONDS ...
"""
import json
import sys
from pathlib import Path
from typing import Any

from tinynet.tables import text_table

LAYOUTS = ("torch", "torch-channels-last")


def read(folder: Path, name: str) -> dict[str, Any]:
    """Return what a part has written, nothing where it has not come so far."""
    path = folder / name
    return json.loads(path.read_text()) if path.exists() else {}


def step_rows(steps: dict[str, Any]) -> list[list[str]]:
    """A row for each network and batch: images a second, and tinynet's speed as a part of PyTorch's.

    The last column is tinynet with its layers' own methods alone, without fast implementations.
    """
    rows = []
    for net, by_batch in steps.items():
        for batch, found in by_batch.items():
            rates = {name: row.get("images_per_second") for name, row in found.items() if isinstance(row, dict)}
            cells = [net, batch]
            for tf32 in ("", "-tf32"):
                ours = rates.get(f"tinynet{tf32}")
                theirs = max((rates.get(f"{name}{tf32}") or 0 for name in LAYOUTS), default=0)
                cells += [f"{rate:.0f}" if rate else "-" for rate in (ours, theirs)]
                cells.append(f"{ours / theirs:.2f}" if ours and theirs else "-")
            plain = rates.get("tinynet-plain")
            rows.append([*cells, f"{plain:.0f}" if plain else "-"])
    return rows


def losses(layers: dict[str, Any]) -> list[tuple[float, str]]:
    """Return what tinynet loses in each layer against PyTorch, in seconds, the most first, with words for it."""
    found = []
    for name, row in layers.items():
        for i, phase in enumerate(("forward", "backward")):
            if isinstance(row, dict) and "torch" in row:
                ours, theirs = row[phase], row["torch"][i]
                found.append((ours - theirs, f"{name} {phase}, {1e3 * ours:.2f} ms against {1e3 * theirs:.2f}"))
    return sorted(found, reverse=True)


def slow_work(work: dict[str, Any]) -> list[list[str]]:
    """Return the kernels and products that are furthest behind their prediction, the most first."""
    rows = []
    for layer, groups in work.items():
        for each in groups.values():
            for what, row in each.items() if "failed" not in each else ():
                behind = row["in_a_step"] * (row["seconds"] - row["predicted"])
                rate = row.get("teraflops", row.get("tera_instructions", 0.0))
                rows.append((behind, [
                    f"{layer}: {what}", str(row["in_a_step"]), f"{1e3 * row['seconds']:.3f}",
                    f"{1e3 * row['predicted']:.3f}", f"{row['gigabytes_per_second']:.0f}", f"{rate:.1f}"]))
    return [cells for _, cells in sorted(rows, key=lambda pair: -pair[0])]


def verdict(steps: dict[str, Any], layers: dict[str, Any]) -> str:
    """One line: ahead of PyTorch or not on the paper's network, and where the largest loss is."""
    rows = [row for row in step_rows(steps) if row[0] == "alexnet"]
    if not rows or rows[0][4] == "-":
        return "Not compared with PyTorch: the parts above say why."
    ratio = float(rows[0][4])
    place = "Ahead of" if float(rows[0][2]) > float(rows[0][3]) else "Behind"
    head = (f"{place} PyTorch (cuDNN, TF32 off, its faster layout) on the paper's network at batch {rows[0][1]}: "
            f"{ratio:.2f} of its speed")
    lost = losses(layers)
    if not lost:
        return f"{head}; its layers were not compared one by one."
    return f"{head}; the largest loss is in {lost[0][1]}." if lost[0][0] > 0 else f"{head}; no layer loses."


def main() -> None:
    folder, outcomes = Path(sys.argv[1]), [text.rsplit(":", 2) for text in sys.argv[2:]]
    steps, check = read(folder, "steps.json"), read(folder, "check.json")
    print("\nThe parts:")
    print(text_table(["part", "outcome", "s"], outcomes))
    lines = check.get("lines", {})
    wrong = [name for name, row in lines.items() if not row.get("right")]
    print(f"\nNumbers: {len(lines)} comparisons with NumPy, {len(wrong)} wrong or failed {wrong[:10] or ''}")
    if "steps" in steps:
        print("\nTraining steps, images a second (PyTorch's faster layout):")
        print(text_table(["network", "batch", "tinynet", "PyTorch", "ratio", "tinynet TF32", "PyTorch TF32", "ratio",
                          "plain"], step_rows(steps["steps"])))
    if "work" in steps:
        print("\nFurthest behind their predictions:")
        print(text_table(["kernel", "in a step", "ms", "predicted", "GB/s", "tera/s"], slow_work(steps["work"])[:12]))
    small = read(folder, "training.json").get("alexnet-small", {})
    for where, row in small.items():
        if "curves" in row:
            errors = " ".join(f"{error:.3f}" for error in row["curves"]["validation_error"])
            print(f"alexnet-small on the {where.upper()}, {row['images_per_second']:.0f} images/s; validation error by "
                  f"epoch {errors}")
    print(f"\n{verdict(steps.get('steps', {}), steps.get('layers', {}))}")


if __name__ == "__main__":
    main()

"""Pages that follow from what tinynet has: exercises, lessons, commands, and the reference of public names."""
import importlib
import inspect
import shutil

from tinynet.cli.parser import parser as make_parser
from tinynet.exercises.catalogue import EXERCISES
from tinynet.lessons import LESSONS

from .paths import ROOT, Pages

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {  # page: title, and the modules or names that it has
    "layers": ("Layers and the loss", (
        "Layer", "Conv2d", "LocallyConnected2d", "Fire", "MaxPool2d", "AvgPool2d", "ReLU", "Tanh", "Sigmoid",
        "LocalResponseNorm", "SpatialResponseNorm", "BatchNorm1d", "BatchNorm2d", "Linear", "Flatten", "Dropout",
        "Softmax", "softmax_cross_entropy")),
    "networks": ("Networks", ("Network", "split_network", "alexnet", "alexnet_medium", "alexnet_small", "cifar_net",
                              "lenet5", "squeezenet")),
    "training": ("Training", ("training_step", "fit", "evaluate", "predict", "SGD", "Adam", "StepSchedule",
                              "ReduceOnPlateau", "save_checkpoint", "load_checkpoint")),
    "looking": ("Looking inside", ("trace", "check_gradients", "check_optimizer")),
    "weights": ("Trained weights", ("pretrained", "load_weights", "save_weights")),
    "machine": ("Threads, speed and the GPU", ("set_threads", "plain", "set_fast", "to_gpu", "to_cpu")),
}
MODULES = {"data": ("Data", "tinynet.data"), "plots": ("Pictures", "tinynet.plots"),
           "testing": ("For test suites of your own", "tinynet.testing"), "course": ("The course", "tinynet.course"),
           "lessons": ("Lessons", "tinynet.lessons"),
           "errors": ("Errors", "tinynet.errors")}


def write_reference(pages: Pages) -> None:
    """Write a page of docstrings for each family of public names; those in none of them come last."""
    tinynet = importlib.import_module("tinynet")
    families, modules = dict(FAMILIES), dict(MODULES)
    left = set(tinynet.__all__) - {name for _, names in FAMILIES.values() for name in names} - set(MODULES)
    for name in sorted(left):
        if inspect.ismodule(getattr(tinynet, name)):
            modules[name] = (f"tinynet.{name}", f"tinynet.{name}")
        else:
            families["more"] = ("More", (*families.get("more", ("", ()))[1], name))
    for page, (title, names) in families.items():
        pages.write(f"reference/{page}.md", reference(title, "tinynet", names))
    for page, (title, module) in modules.items():
        pages.write(f"reference/{page}.md", reference(title, module, public_names(module)))
    every = [*((page, *family) for page, family in families.items()),
             *((page, title, public_names(module)) for page, (title, module) in modules.items())]
    listed = "\n".join(f"- [{title}]({page}.md): " + ", ".join(
        f"[`{name}`]({page}.md#{name.lower()})" for name in names) for page, title, names in every)
    pages.write("reference/index.md", f"# Reference\n\nEvery public name, from its docstring. `import tinynet as tn` "
                f"has all of them but those in modules of their own.\n\n{listed}\n\n```{{toctree}}\n:hidden:\n"
                + "\n".join([*families, *modules]) + "\n```\n")


def public_names(module: str) -> tuple[str, ...]:
    found = importlib.import_module(module)
    named = getattr(found, "__all__", None) or [
        name for name, value in vars(found).items() if inspect.isclass(value) and value.__module__ == module]
    return tuple(name for name in named if name.upper() != name)                # classes and functions


def reference(title: str, module: str, names: tuple[str, ...]) -> str:
    found = importlib.import_module(module)
    parts = []
    for name in names:
        kind = "autoclass" if inspect.isclass(getattr(found, name)) else "autofunction"
        members = "\n   :members:" if kind == "autoclass" and name in ("Layer", "Network") else ""
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: {module}.{name}{members}\n```")
    return f"# {title}\n\n" + "\n\n".join(parts) + "\n"


def write_exercises(pages: Pages) -> None:
    """Write each exercise's file with its hints and its solution folded, and their list."""
    lines: dict[str, list[str]] = {}
    for one in EXERCISES:
        name = f"{one.number:02d}"
        hints = "\n\n".join(f"<details><summary>Hint {number}</summary>\n\n{escaped(hint)}\n\n</details>"
                            for number, hint in enumerate(one.hints, 1))
        mends = "\n\n".join(f"{code(mend.broken)}\n\nbecomes\n\n{code(mend.right)}" for mend in one.mends)
        pages.write(f"exercises/{name}.md", f"""# Exercise {one.number}: {one.title}

What is wrong in this file? Its first lines say what it should do. To mend it on your machine, and be told how far you
are:

```
tinynet exercise {one.number}
tinynet exercise {one.number} --check
```

```python
{one.broken.rstrip()}
```

## Hints

{hints}

## Solution

<details><summary>The lines, and why</summary>

{mends}

{escaped(one.why)}

</details>
""")
        lines.setdefault(one.level, []).append(f"- [{one.number}. {one.title}]({name}.md)")
    listed = "\n\n".join(f"## {level.capitalize()}\n\n" + "\n".join(those) for level, those in lines.items())
    pages.write("exercises/index.md", f"""# Exercises

{len(EXERCISES)} layers, losses and updates with a mistake in each, most of them mistakes that real projects made. Read
the file, find the line, and only then open a hint: each says more than the one before.

{listed}

```{{toctree}}
:hidden:
:glob:
*
```
""")


def code(text: str) -> str:
    return f"```python\n{text.rstrip()}\n```"


def escaped(text: str) -> str:
    """Return plain text so that Markdown shows its stars, brackets and underscores."""
    for sign in "\\*_[]<>$`":
        text = text.replace(sign, f"\\{sign}")
    return text


def write_lessons(pages: Pages) -> None:
    """Write a page for each lesson, with what results/ has of it; list them at the end of lessons.md."""
    for name in LESSONS:
        module = importlib.import_module(f"tinynet.lessons.{name}")
        lesson = getattr(module, "LESSON", None)
        folder = ROOT / ("results/speed" if name == "speed" else f"results/lessons/{name}")
        question = lesson.question if lesson else inspect.getdoc(module).partition("\n")[0]
        shutil.copy(folder / f"{name}.png", pages.folder / "lessons" / f"{name}.png")
        shown = table_and_notes((folder / f"{name}.txt").read_text(encoding="utf-8")) if lesson else ""
        source = pages.target(f"tinynet/lessons/{name}.py", "", f"lessons/{name}.md")
        arms = f" Its arms: {', '.join(arm.name for arm in lesson.arms)}." if lesson else ""
        alt = f"The plot of the lesson {name}: {question}{arms}"
        command = f"tinynet lesson {name}" + (" --quick" if lesson else "")
        pages.write(f"lessons/{name}.md", f"# Lesson {name}\n\n**{question}**\n\n```\n{command}\n```\n\n"
                    f"![{alt}]({name}.png)\n\n{shown}\n\nThe experiment: [tinynet/lessons/{name}.py]({source}).\n")
    with open(pages.folder / "lessons.md", "a", encoding="utf-8") as page:
        listed = "\n".join(f"{name} <lessons/{name}>" for name in LESSONS)
        page.write(f"\n## Each lesson, with its plot\n\n```{{toctree}}\n{listed}\n```\n")


def table_and_notes(text: str) -> str:
    """Return a lesson's printed result with its table as it is, and its notes, long lines, as a list."""
    table, *notes = text.rstrip().split("\n- ")
    return f"```text\n{table.rstrip()}\n```\n\n" + "\n".join(f"- {escaped(note)}" for note in notes)


def write_commands(pages: Pages) -> None:
    """Write every command's help."""
    parser = make_parser()
    commands = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
    parts = [f"## {name}\n\n```text\n{command.format_help().rstrip()}\n```"
             for name, command in commands.items()]
    pages.write("commands.md", "# All commands\n\nWhat `tinynet --help` says, and of each command "
                f"`tinynet COMMAND --help`.\n\n```text\n{parser.format_help().rstrip()}\n```\n\n" + "\n\n".join(parts)
                + "\n")

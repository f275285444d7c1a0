"""What `tinynet course grade` writes: the table, a page for each student, and the file that Gradescope takes."""
import csv
import html
import io
import json
from collections.abc import Sequence
from urllib.parse import quote

from ..files import printable
from ..tables import Html, html_list, html_table
from .check import Outcome
from .graded import Grade, verdict
from .show import verdict_text

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
pre { background: #f4f4f4; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
h2 { margin-top: 2rem; }
"""


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole page."""
    content = "\n".join(body)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
            f"<style>{STYLE}</style></head><body>\n<h1>{html.escape(title)}</h1>\n{content}\n</body></html>\n")


def student_page(made: Grade, seed: int) -> str:
    """Return a student's page: points, and for each step that is not right what is wrong and where."""
    rows = [[str(o.step.number), o.step.title, verdict(o), f"{made.earned(o):g}",
             f"{made.points[o.step.number]:g}"] for o in made.outcomes]
    body = [f"<p>{made.total:g} of {made.most:g} points.</p>",
            html_table(["step", "", "verdict", "points", "of"], rows)]
    if made.notes:
        body += ["<h2>To be looked at</h2>", html_list(made.notes)]
    for outcome in made.outcomes:
        if outcome.right:
            continue
        body.append(f"<h2>Step {outcome.step.number}: {html.escape(outcome.step.title)}</h2>")
        if outcome.checked is None:
            body.append("<p>The file is missing, or as it was handed out.</p>")
            continue
        if outcome.taken:
            numbers = ", ".join(map(str, outcome.taken))
            body.append(f"<p>Of the steps that it uses, tinynet's files were taken for {numbers}.</p>")
        body.append(f"<pre>{html.escape(verdict_text(outcome.step, outcome.checked))}</pre>")
        if outcome.printed:
            body.append(f"<p>The file printed:</p><pre>{html.escape(outcome.printed)}</pre>")
    body.append(f"<p>Shapes and numbers of the checks were drawn with the seed {seed}. Speed has no part in the "
                "points.</p>")
    return page(made.name, body)


def overview(grades: Sequence[Grade]) -> str:
    """Return the page with a line for each student."""
    rows = [[Html(f'<a href="{quote(made.name)}/index.html">{html.escape(made.name)}</a>'), f"{made.total:g}",
             f"{made.most:g}", str(len(made.notes) or "")] for made in grades]
    return page("tinynet course", [html_table(["student", "points", "of", "notes"], rows)])


def grades_csv(grades: Sequence[Grade]) -> bytes:
    """Return a row for each student: points, their sum, and verdict and points of each step."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    steps = list(grades[0].points)
    writer.writerow(["student", "points", "of", *(f"step {number}" for number in steps),
                     *(f"verdict {number}" for number in steps), "notes"])
    for each in grades:
        by_step = {outcome.step.number: outcome for outcome in each.outcomes}
        writer.writerow([
            each.name, f"{each.total:g}", f"{each.most:g}",
            *(f"{each.earned(by_step[number]):g}" if number in by_step else "0" for number in steps),
            *(verdict(by_step[number]) if number in by_step else "missing" for number in steps),
            "; ".join(each.notes),
        ])
    return printable(text.getvalue()).encode()


def gradescope(made: Grade) -> str:
    """Return results.json, as Gradescope takes it from an autograder."""
    tests = [{
        "name": f"step {outcome.step.number}: {outcome.step.title}", "number": str(outcome.step.number),
        "score": made.earned(outcome), "max_score": made.points[outcome.step.number],
        "status": "passed" if outcome.right else "failed",
        "output": printable(f"{verdict(outcome)}\n{faults_of(outcome)}".strip()),
    } for outcome in made.outcomes]
    return json.dumps({"score": made.total, "output": printable("\n".join(made.notes)), "tests": tests}, indent=1)


def faults_of(outcome: Outcome) -> str:
    """Return what is wrong in a step, a line each."""
    if outcome.checked is None:
        return ""
    lines = [f"{point.what}: {point.fault}" for point in outcome.checked.points if point.fault]
    return "\n".join([*lines, *outcome.checked.borrowed])

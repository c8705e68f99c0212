#!/usr/bin/env python3
"""Documents that can fail: every path, command, option, setting and metric they name exists.

    tests/check_docs.py --build build/release

Also holds docs/reference against the programs: run with --write to make those pages anew.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def output(program, *arguments):
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=True, env={}).stdout


def settings_page(build, program, title):
    rows = json.loads(output(build / "bin" / program, "--check", "--json"))
    lines = [f"# Settings of {title}", "",
             f"Made from `{program} --check --json`. Layers, each over the one before: default, file (TOML), environment "
             "(`SELVEDGE_` and the key in capitals, `.` and `-` as `_`), flag (`--set key=value`).", "",
             "| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{r['key']}` | `{json.dumps(r['value'])}` | {r['help']} |" for r in rows]
    return "\n".join(lines) + "\n"


def command_page(build):
    overview = output(build / "bin" / "selvedge", "help")
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", overview, re.M)
    lines = ["# The command line", "", "Made from `selvedge help`.", "", "```text", overview.rstrip(), "```"]
    for name in names:
        lines += ["", f"## selvedge {name}", "", "```text",
                  output(build / "bin" / "selvedge", *name.split(), "--help").rstrip(), "```"]
    return "\n".join(lines) + "\n"


def check_camera_page():
    """A row for each setting of [[camera]], in order, with its help."""
    source = (ROOT / "src" / "node" / "config_camera.cc").read_text()
    said = re.findall(r's\.bind\("([^"]+)", [^,]+,\s*"((?:[^"\\]|\\.)*)"', source)
    said = [(key, text.replace('\\"', '"')) for key, text in said]
    written = re.findall(r"^\| `([^`]+)` \| .* \| (.*) \|$", (REFERENCE / "cameras.md").read_text(), re.M)
    if len(said) != source.count("s.bind(") or written != said:
        for row in sorted(set(said) ^ set(written)) or ["the order of the rows"]:
            yield f"docs/reference/cameras.md: is not what src/node/config_camera.cc says: {row}"


def pages(build):
    return {"node.md": settings_page(build, "selvedge-node", "a node"),
            "cloud.md": settings_page(build, "selvedge-cloud", "the cloud"),
            "cli.md": command_page(build)}


def check_links(path, text):
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target and not (path.parent / target).exists():
            yield f"link to {target}"
    for name in re.findall(r"`((?:src|docs|tests|scripts|bench|cmake)/[A-Za-z0-9_./-]+)`", text):
        if "*" not in name and not (ROOT / name).exists():
            yield f"path {name}"


def check_commands(build, text):
    known = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", output(build / "bin" / "selvedge", "help"), re.M)
    for line in re.findall(r"^(?:\s*\$ )?(selvedge [a-z].*)$", text, re.M):
        words = line.split("#")[0].split()
        name = " ".join(words[1:3])
        if name not in known and words[1] not in known and words[1] != "help":
            yield f"command '{line.strip()}'"
            continue
        command = name if name in known else words[1]
        help_text = output(build / "bin" / "selvedge", *command.split(), "--help") if words[1] != "help" else "--help"
        for option in re.findall(r"(--[a-z-]+)", line.split("#")[0]):
            if option + " " not in help_text:
                yield f"option {option} of '{command}'"
    for script, options in re.findall(r"^\s*(scripts/[a-z]+)([^#\n|]*)", text, re.M):
        if not (ROOT / script).exists():
            yield f"script {script}"
            continue
        source = (ROOT / script).read_text()
        for helper in (ROOT / "scripts").glob(pathlib.Path(script).name + "*.py"):
            source += helper.read_text()
        for option in re.findall(r"(--[a-z-]+)", options):
            if option not in source:
                yield f"option {option} of {script}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--write", action="store_true", help="make docs/reference anew")
    arguments = parser.parse_args()
    build = (pathlib.Path.cwd() / arguments.build).resolve()
    problems = []
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages(build).items():
        path = REFERENCE / name
        if arguments.write:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            problems.append(f"docs/reference/{name}: is not what the program says (tests/check_docs.py --write)")
    problems += check_camera_page()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = path.read_text()
        found = [*check_links(path, text)]
        if path.parent != REFERENCE:
            found += check_commands(build, text)
        problems += [f"{path.relative_to(ROOT)}: {what} does not exist" for what in found]
    if len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) >= 200:
        problems.append("ARCHITECTURE.md: 200 lines or more")
    for problem in problems:
        print(problem)
    print(f"documents: {'1 passed, 0 failed' if not problems else f'0 passed, {len(problems)} failed'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

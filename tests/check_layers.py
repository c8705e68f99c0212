#!/usr/bin/env python3
"""Holds every include of ours against src/layers.txt, and third-party headers against their homes.

Exit status 1 and one line for each offence.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent / "src"
allowed = {}
for line in (root / "layers.txt").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line:
        module, _, below = line.partition(":")
        allowed[module.strip()] = set(below.split()) | {module.strip()}

# A third-party header may be included only in .cc files of these modules.
homes = {
    "openssl/": {"crypto", "os", "net"},
    "sqlite3.h": {"cloud"},
    "zstd.h": {"codec"},
    "simdjson.h": {"codec"},
    "boost/": {"net"},
    "toml++/": {"settings", "infer"},
    "jpeglib.h": {"codec"},
    "png.h": {"codec"},
    "dlfcn.h": {"infer"},
}
include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
offences = []
for path in sorted(root.rglob("*")):
    if path.suffix not in (".h", ".cc"):
        continue
    relative = path.relative_to(root)
    module = relative.parts[0]
    if module not in allowed:
        offences.append(f"{relative}: module '{module}' is not in layers.txt")
        continue
    test = path.stem.endswith(("_test", "_fuzz", "_bench", "_fixture"))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = include.match(line)
        if not match:
            continue
        quote, name = match.groups()
        if quote == '"':
            target = name.split("/")[0]
            if target in allowed and target not in allowed[module] and "*" not in allowed[module]:
                if not (test and target in ("os", "crypto", "codec", "store", "net", "client")):
                    offences.append(f"{relative}:{number}: {module} may not include {name}")
            if name.startswith("os/fake/") and not test and not str(relative).startswith("os/fake/"):
                offences.append(f"{relative}:{number}: only tests include {name}")
        for prefix, owners in homes.items():
            if name.startswith(prefix):
                private = path.suffix == ".cc" or path.name in ("openssl.h",) or "private" in path.name
                if module not in owners and not test:
                    offences.append(f"{relative}:{number}: {name} belongs into {', '.join(sorted(owners))}")
                elif not private and quote == "<" and path.suffix == ".h":
                    # A header may name a library only if it is private to its folder: no other
                    # folder includes it.
                    users = [p for p in root.rglob("*") if p.suffix in (".h", ".cc") and p.parent != path.parent
                             and f'"{relative}"' in p.read_text()]
                    if users:
                        offences.append(f"{relative}:{number}: {name} leaks to {users[0].relative_to(root)}")
for offence in offences:
    print(offence)
sys.exit(1 if offences else 0)

#!/usr/bin/env python3
"""Checks the dependencies against deny.toml: licences, sources, banned crates, doubled versions.

`cargo deny` does the same and more, but takes minutes to compile. This script reads the same file
and `cargo metadata`, and needs only Python 3.11. Exit code 0 means that no rule is broken.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    packages = [package for package in metadata() if package["source"] is not None]
    faults = [
        *sources(packages),
        *licences(packages, set(rules["licenses"]["allow"])),
        *banned(packages, rules["bans"]["deny"]),
        *doubled(packages, rules["bans"]["skip"]),
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(packages)} crates, {len(faults)} faults")
    return 1 if faults else 0


def metadata():
    host = next(
        line.removeprefix("host: ")
        for line in run("rustc", "-vV").splitlines()
        if line.startswith("host: ")
    )
    out = run("cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={host}")
    return json.loads(out)["packages"]


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def named(package):
    return f"{package['name']} {package['version']}"


def sources(packages):
    for package in packages:
        if package["source"] != CRATES_IO:
            yield f"{named(package)} comes from {package['source']}: only crates.io is allowed"


def licences(packages, allowed):
    for package in packages:
        expression = package["license"]
        if expression is None:
            yield f"{named(package)} names no licence"
        elif not permits(expression, allowed):
            yield f"{named(package)}: licence {expression} is not allowed"


def permits(expression, allowed):
    """Whether an SPDX expression can be met: AND binds closer than OR; the old form `A/B` means OR."""
    expression = re.sub(r"\s*/\s*", " OR ", expression)
    tokens = re.findall(r"\(|\)|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", expression)

    def alternatives():
        met = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of():
        met = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = term() and met
        return met

    def term():
        token = tokens.pop(0)
        if token != "(":
            return token in allowed
        met = alternatives()
        tokens.pop(0)
        return met

    return alternatives()


def banned(packages, rules):
    reasons = {rule["crate"]: rule["reason"] for rule in rules}
    for package in packages:
        if package["name"] in reasons:
            yield f"{named(package)} is banned: {reasons[package['name']]}"


def doubled(packages, skips):
    """Crates in several versions, those apart that deny.toml knows of."""
    known = [tuple(skip["crate"].split("@")) for skip in skips]
    versions = {}
    for package in packages:
        is_known = any(
            name == package["name"] and f"{package['version']}.".startswith(f"{version}.")
            for name, version in known
        )
        if not is_known:
            versions.setdefault(package["name"], set()).add(package["version"])
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"{name} is there in versions {', '.join(sorted(found))}"
    present = [(package["name"], f"{package['version']}.") for package in packages]
    for name, version in known:
        if not any(name == other and has.startswith(f"{version}.") for other, has in present):
            yield f"{name}@{version} is no longer there: take it out of deny.toml"


if __name__ == "__main__":
    sys.exit(main())

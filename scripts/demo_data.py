"""Real series for the demo, out of the npm package vega-datasets (BSD-3-Clause).

The package is fetched once through npm, checked against the digest below, and its hourly weather
normals (NOAA), daily weather of two cities and CO2 record are written as one CSV a source, in the
layout that `selvedge device replay` reads.
"""
import base64
import csv
import hashlib
import pathlib
import shutil
import subprocess
import tarfile

PACKAGE, VERSION = "vega-datasets", "2.11.0"
SHA512 = "JWV4ryGY1C/FIgrWP2N/zdSIhtt7bJD0cq9YlYlGq9f5P27/Mkq6U03iS7wNKGWYTTBS3PfTgyDgbWpdkmcyUg=="


def fetch_package(cache, package=PACKAGE, version=VERSION, sha512=SHA512):
    """An npm package's archive, which is the one that we know."""
    archive = cache / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if not npm:
            raise SystemExit("demo: npm is needed to fetch the data package; scripts/setup demo installs it")
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", f"{package}@{version}", "--silent"], cwd=cache, check=True,
                       stdout=subprocess.DEVNULL)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != sha512:
        archive.unlink()
        raise SystemExit(f"demo: {archive.name} is not the file we know (sha512 {digest})")
    return archive


def numbers(row, columns):
    return [row[c] for c in columns]


def write(path, time_key, columns, rows):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["time", *columns])
        for row in rows:
            writer.writerow([row[time_key], *numbers(row, columns)])


def prepare(cache):
    """The CSV files, made if they are not there."""
    folder = pathlib.Path(cache) / "series"
    wanted = ["hourly", "seattle", "new_york", "mauna_loa"]
    files = [folder / f"{name}.csv" for name in wanted]
    if all(f.exists() for f in files):
        return files
    folder.mkdir(parents=True, exist_ok=True)

    def table(name):
        with tarfile.open(fetch_package(pathlib.Path(cache))) as tar:
            text = tar.extractfile(f"package/data/{name}").read().decode()
        return list(csv.DictReader(text.splitlines()))

    write(files[0], "date", ["pressure", "temperature", "wind"], table("seattle-weather-hourly-normals.csv"))
    daily = table("weather.csv")
    columns = ["precipitation", "temp_max", "temp_min", "wind"]
    write(files[1], "date", columns, [r for r in daily if r["location"] == "Seattle"])
    write(files[2], "date", columns, [r for r in daily if r["location"] == "New York"])
    write(files[3], "Date", ["CO2"], [r for r in table("co2-concentration.csv") if r["CO2"]])
    return files

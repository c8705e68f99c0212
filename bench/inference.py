#!/usr/bin/env python3
"""Models on the node: frames, peers, loading, quantising, and the service over HTTP.

    bench/inference.py --build build/release [--rounds 20] [--quick] [--json] [--no-service]

Times are CPU time unless a column says wall; what is compared takes turns in one run. docs/benchmarks.md says how.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE / "inference"))
import machine  # noqa: E402
from models import Models, run  # noqa: E402
from service import Service  # noqa: E402
from targets import of, targets  # noqa: E402


def say(text):
    print(text, file=sys.stderr, flush=True)


def in_process(arguments, models, folder):
    command = [pathlib.Path(arguments.build) / "bin" / "inference_bench", "--model", f"fp32={models.float}", "--model", f"int8={models.int8}",
               "--tflite", models.tflite, "--folder", folder, "--rounds", arguments.rounds, "--frames", 4 if arguments.quick else 10,
               "--reloads", 10 if arguments.quick else 120]
    for picture in models.timed:
        command += ["--picture", picture]
    return json.loads(run(command, "measure in process"))


def agreement(report):
    """What the quantiser says of its result, in short."""
    found = report["agreement"]
    strong, weak = found["strong"], found["weak"]
    return {"of": strong["reference"], "found": strong["matched"], "share": strong["matched"] / max(1, strong["reference"]),
            "weak_of": weak["reference"], "weak_found": weak["matched"], "extra": weak["extra"], "overlap": found["overlap"]["median"],
            "score_difference": found["score_difference"]["median"]}


def measure(arguments, folder):
    say("making the models")
    models = Models(arguments.build, folder)
    say("in process")
    process = in_process(arguments, models, folder)
    onnx = {row["model"]: row["onnx_bytes"] for row in process["models"]}
    result = {"machine": machine.describe(), "pictures": models.source, "process": process, "sizes": models.sizes(onnx),
              "agreement": agreement(models.report), "quantiser": models.report}
    if not arguments.no_service:
        say("the service")
        service = Service(arguments.build, folder, models, models.timed[0] if models.timed else folder / "made_720p.jpg")
        try:
            quick = arguments.quick
            result["service"] = service.run(arguments.rounds, 5 if quick else 10, 2 if quick else 10, 5 if quick else 120)
        finally:
            service.close()
    result["load_average_after"] = os.getloadavg()[0]
    result["targets"] = targets(result)
    return result


def times(row):
    return f"{row['min']:8.2f} {row['p50']:8.2f} {row['p99']:8.2f}"


def show_process(process):
    print(f"picture to boxes, one worker, ms       {'CPU min':>8} {'p50':>8} {'p99':>8}   {'wall min':>8} {'p50':>8} {'p99':>8}   frames/CPU s")
    for row in process["frames"]:
        print(f"  {row['picture'][:26]:26} {row['model']:5}      {times(row['cpu_ms'])}   {times(row['wall_ms'])}   {row['frames_per_cpu_second']:8.1f}")
    print(f"\nstages, wall ms, min / p50                 decode        prepare          infer         finish")
    for row in process["frames"]:
        cells = "  ".join(f"{row[s + '_ms']['min']:6.2f} /{row[s + '_ms']['p50']:6.2f}" for s in ("decode", "prepare", "infer", "finish"))
        print(f"  {row['picture'][:26]:26} {row['model']:5}  {cells}")
    print("\ntwo workers to one   frames/s, best: one      two   rounds with free cores   their ratio, wall   all rounds   ratio by CPU time")
    for row in process["workers"]:
        print(f"  {row['model']:26} {row['one_frames_per_second']:9.1f} {row['two_frames_per_second']:8.1f} {row['idle_rounds']:24} "
              f"{row['idle_ratio']:19.2f} {row['median_ratio']:12.2f} {row['ratio_by_cpu_time']:19.2f}")
    print(f"\nthe model alone, one frame, ms         {'CPU min':>8} {'p50':>8} {'p99':>8}   {'wall min':>8} {'p50':>8} {'p99':>8}   differs by")
    for row in process["peers"]:
        if "refused" in row:
            print(f"  {row['model']:5} {row['engine']:20}           not run: {row['refused'].splitlines()[0][:90]}")
        else:
            print(f"  {row['model']:5} {row['engine']:20}           {times(row['cpu_ms'])}   {times(row['wall_ms'])}   {row['largest_difference']:.2g}")
    for row in process["overhead"]:
        print(f"  {row['model']}: our session over bare ONNX Runtime {row['best_percent']:+.2f} % (best turns), {row['paired_percent']:+.2f} % (median of pairs)")
    print(f"\nload to first answer, ms               {'CPU min':>8} {'p50':>8} {'p99':>8}   {'wall min':>8} {'p50':>8} {'p99':>8}")
    for row in process["load"]:
        print(f"  {row['model']:5} first                          {times(row['first_cpu_ms'])}   {times(row['first_wall_ms'])}")
        print(f"  {row['model']:5} out of the cache               {times(row['cached_cpu_ms'])}   {times(row['cached_wall_ms'])}")
    if process.get("import"):
        row = process["import"]
        print(f"  import of {row['tflite_bytes'] / 1e6:.1f} MB .tflite          {times(row['cpu_ms'])}   {times(row['wall_ms'])}")
    row = process["reloads"]
    print(f"  in process, {row['model']} reloaded {row['count']} times: RSS {row['rss_start'] / 2**20:.1f} MiB before, {row['rss_one'] / 2**20:.1f} with one, "
          f"{row['rss_after_20'] / 2**20:.1f} after 20, {row['rss_end'] / 2**20:.1f} at the end")


def show_sizes(sizes, found):
    print(f"\nsizes, MB: .tflite {sizes['tflite'] / 1e6:.2f}, fp32 ONNX {sizes['fp32_onnx'] / 1e6:.2f} (package {sizes['fp32_package'] / 1e6:.2f}), "
          f"int8 ONNX {sizes['int8_onnx'] / 1e6:.2f}, int8 package {sizes['int8_package'] / 1e6:.3f}: {sizes['ratio']:.2f} x smaller than fp32 ONNX")
    print(f"agreement with fp32: {found['found']} of {found['of']} detections >= 0.5 found again, {found['weak_found']} of {found['weak_of']} >= 0.3 "
          f"({found['extra']} extra); median IoU {found['overlap']:.3f}, median score difference {found['score_difference']:.4f}")


def show_service(row):
    asked, swap = row["requests"], row["swap"]
    mib = {key: value / 2**20 for key, value in row.items() if key.startswith("rss")}
    print(f"\nselvedge-node, RSS in MiB: {mib['rss_without_model']:.1f} without a model, {mib['rss_with_model']:.1f} with one int8 SSD just loaded, "
          f"{mib['rss_after_requests']:.1f} after the requests, {mib['rss_restarted']:.1f} after a restart and 20 requests")
    if row["reloads"] > 20:
        print(f"  reloaded: {mib['rss_before_reloads']:.1f} before, {mib['rss_after_20_reloads']:.1f} after 20, "
              f"{mib['rss_after_reloads']:.1f} after {row['reloads']}")
    print("  one request at a time          node CPU ms min / p50     round trip, wall ms p50 / p99")
    for kind, name in (("jpeg", f"JPEG, {asked['jpeg_bytes'] / 1e3:.0f} KB"), ("tensor", f"tensor, {asked['tensor_bytes'] / 1e3:.0f} KB")):
        print(f"    {name:28} {asked[kind + '_cpu_ms']['min']:8.2f} / {asked[kind + '_cpu_ms']['p50']:.2f} "
              f"{asked[kind + '_round_trip_ms']['p50']:24.2f} / {asked[kind + '_round_trip_ms']['p99']:.2f}")
    print(f"    {'pipeline alone, JPEG':28} {asked['pipeline_cpu_ms']['min']:8.2f} / {asked['pipeline_cpu_ms']['p50']:.2f}")
    over = asked["overhead_over_pipeline_percent"]
    print(f"    service over pipeline: {over['best']:+.1f} % CPU (best rounds), {over['paired']:+.1f} % (median of pairs)")
    idle = row["idle"]
    print(f"  load: the first {row['first_load_ms']:.0f} ms; nobody asking {idle['load_ms']['p50']:.0f} ms median; under load {swap['load_ms']['p50']:.0f} ms "
          f"median, {swap['load_ms']['most']:.0f} most")
    print(f"  from the wish in the cloud to serving: the first, with its fetch, {row['first_wish_to_serving_ms']:.0f} ms; nobody asking "
          f"{idle['wish_to_serving_ms']['p50']:.0f} ms; under load {swap['wish_to_answer_ms']['p50']:.0f} ms median, {swap['wish_to_answer_ms']['most']:.0f} most")
    print(f"  {swap['swaps']} swaps under load: {swap['requests']} requests, {swap['failed']} failed")
    for failure in swap["failures"]:
        print(f"    {failure}")


def show_targets(rows):
    print(f"\n{'asked':62} {'at least':>9} {'aim':>7} {'got':>9}")
    for row in rows:
        mark = "reached" if row["aim_reached"] and row["reached"] and row["aim"] is not None else "" if row["reached"] else "MISSED"
        sign = ">=" if row["more"] else "<="
        print(f"  {row['what']:60} {sign} {row['asked']:6.4g} {'-' if row['aim'] is None else format(row['aim'], '.4g'):>7} {row['got']:9.3f}  {mark}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="little work: to see that it runs")
    parser.add_argument("--no-service", action="store_true", help="only what runs in one process")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.build = pathlib.Path(arguments.build).resolve()
    if arguments.quick:
        arguments.rounds = min(arguments.rounds, 3)
    with tempfile.TemporaryDirectory(prefix="inference-bench-", dir=arguments.build) as name:
        result = measure(arguments, pathlib.Path(name))
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"pictures: {result['pictures']}; ONNX Runtime {result['process']['runtime']}, OpenCV {result['process']['opencv']}; "
          f"load average {result['machine']['load_average']:.1f} before, {result['load_average_after']:.1f} after\n")
    show_process(result["process"])
    show_sizes(result["sizes"], result["agreement"])
    if "service" in result:
        show_service(result["service"])
    show_targets(result["targets"])


if __name__ == "__main__":
    main()

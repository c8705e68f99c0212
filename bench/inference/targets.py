"""The numbers that inference is asked for, beside those of a run."""


def of(rows, **wanted):
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), {})


def targets(result):
    """Rows of (what, least, aim, got, whether more is better); only of what the run measured."""
    rows = []

    def add(what, least, aim, got, more=False):
        if got is not None:
            rows.append({"what": what, "asked": least, "aim": aim, "got": round(got, 4), "more": more,
                         "reached": got >= least if more else got <= least,
                         "aim_reached": aim is None or (got >= aim if more else got <= aim)})

    process, service = result["process"], result.get("service")
    first = process["frames"][0]["picture"]
    row = of(process["frames"], picture=first, model="int8")
    add("720p JPEG to boxes, int8, CPU ms, median", 11, 8.5, row["cpu_ms"]["p50"])
    add("the same, best", 11, 8.5, row["cpu_ms"]["min"])
    add("the same, p99 of CPU ms", 20, None, row["cpu_ms"]["p99"])
    for one in process["overhead"]:
        add(f"overhead over bare ONNX Runtime, {one['model']}, %, best turns", 5, 2, one["best_percent"])
        add(f"the same, {one['model']}, median of pairs", 5, 2, one["paired_percent"])
    sizes, agreement = result["sizes"], result["agreement"]
    add("int8 package, MB", 4.3, 4.0, sizes["int8_package"] / 1e6)
    add("fp32 ONNX to int8 package: ratio", 4.6, None, sizes["ratio"], more=True)
    add(f"detections >= 0.5 found again, share of {agreement['of']}", 18 / 19, 1, agreement["share"], more=True)
    add("median score change", 0.01, None, agreement["score_difference"])
    add("int8 / fp32, CPU of the model alone", 0.6, None,
        of(process["peers"], model="int8", engine="selvedge")["cpu_ms"]["min"] / of(process["peers"], model="fp32", engine="selvedge")["cpu_ms"]["min"])
    workers = of(process["workers"], model="int8")
    add("two workers to one, by CPU time", 1.9, None, workers["ratio_by_cpu_time"], more=True)
    if workers["idle_rounds"]:
        add(f"two workers to one, wall, {workers['idle_rounds']} rounds with both cores free", 1.9, None, workers["idle_ratio"], more=True)
    if process.get("import"):
        add("import of the .tflite, CPU ms, best", 100, 30, process["import"]["cpu_ms"]["min"])
        add("the same, median", 100, 30, process["import"]["cpu_ms"]["p50"])
    load = of(process["load"], model="int8")
    add("load to first answer, int8, CPU ms, median", 250, 100, load["first_cpu_ms"]["p50"])
    add("the same out of the cache", 250, 100, load["cached_cpu_ms"]["p50"])
    if service:
        add("service RSS with one int8 SSD, MiB: just loaded", 64, 50, service["rss_with_model"] / 2**20)
        add("the same after its requests", 64, 50, service["rss_after_requests"] / 2**20)
        add("the same after a restart", 64, 50, service["rss_restarted"] / 2**20)
        reloads = service["reloads"]
        add(f"the same after swaps under load and {reloads} reloads", 64, 50, service["rss_after_reloads"] / 2**20)
        if reloads > 20:
            add(f"growth from 20 to {reloads} reloads, MiB", 2, 0.5, (service["rss_after_reloads"] - service["rss_after_20_reloads"]) / 2**20)
        add("load on the node, nobody asking, ms, median", 250, 100, service["idle"]["load_ms"]["p50"])
        add("load on the node under load, ms, median", 250, 100, service["swap"]["load_ms"]["p50"])
        add("requests that failed while versions were swapped", 0, 0, service["swap"]["failed"])
        add("service over pipeline, JPEG, CPU %, best rounds", 5, 2, service["requests"]["overhead_over_pipeline_percent"]["best"])
        add("the same, median of pairs", 5, 2, service["requests"]["overhead_over_pipeline_percent"]["paired"])
    return rows

"""How fast `harness view` is with many runs and with a large one, and what memory it takes.

200 runs of 164 problems, and one run of 164 problems with 200 samples each: time to the first paint of each page and
to its data in Chromium, time of a sample, and the peak memory of the viewer. `python -m tests.performance.viewing`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import tempfile
import time
from pathlib import Path

from harness.tasks.suite import load_suite
from tests.commands import start
from tests.conftest import chromium
from tests.runs import FAILED, PASSED, outcomes, write_run

PROBLEM = "run=large&benchmark=humaneval&task=HumanEval%2F100"
PAGES = {
    "board": ("", ".board tbody tr"),
    "run, 164 x 1": ("run?run=run-7", "tr.problem"),
    "run, 164 x 200": ("run?run=large", "tr.problem"),
    "problem, 200 samples": (f"problem?{PROBLEM}", "#runs pre.hl"),
    "two runs compared": ("compare?run=run-7&run=run-8", "#table tbody tr"),
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def write_results(folder: Path, runs: int, samples: int) -> None:
    """Write the runs; no two samples of the large one are alike."""
    digest, draw = load_suite("humaneval").data_digest, random.Random(0)
    for at in range(runs):
        passed = draw.sample(range(164), draw.randrange(40, 130))
        write_run(folder / f"run-{at}", outcomes(passed), model=f"models/model-{at}", data_digest=digest)
    line = "    total = sum(value * {index} for value in numbers if value % 3)\n"
    found = {f"HumanEval/{at}": [draw.choice((PASSED, FAILED)) for _ in range(samples)] for at in range(164)}
    large = write_run(
        folder / "large", found, model="large", temperature=0.8, code=line * 10, raw=line * 15, data_digest=digest
    )
    journal = large / "samples.jsonl"
    rows = (json.loads(text) for text in journal.read_text(encoding="utf-8").splitlines())
    varied = (json.dumps(row | {"raw": row["raw"] + draw.randbytes(400).hex()}) + "\n" for row in rows)
    journal.write_text("".join(varied), encoding="utf-8")


def measure_pages(url: str) -> None:
    """Print, for each page opened twice, first paint and data; then some samples."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        browser.new_page().goto("about:blank")
        for name, (path, ready) in PAGES.items():
            for turn in ("first", "again"):
                page = browser.new_page()
                begun = time.monotonic()
                page.goto(url + path)
                page.locator(ready).first.wait_for(timeout=120_000)
                data_s = time.monotonic() - begun
                page.wait_for_function(PAINT)
                paint_s = page.evaluate(PAINT) / 1000
                print(f"{name:<24}{turn:<8} first paint {paint_s:5.2f} s   data {data_s:5.2f} s", flush=True)
                page.close()
        page = browser.new_page()
        page.goto(f"{url}problem?{PROBLEM}")
        page.locator("#runs pre.hl").first.wait_for()
        times = []
        for index in range(0, 200, 20):
            begun = time.monotonic()
            with page.expect_response("**/api/sample?*"):
                page.locator(".samples button").nth(index).click()
            page.locator(f"#runs pre.hl:has-text('value * {index} ')").first.wait_for()
            times.append(time.monotonic() - begun)
        print(f"{'a sample':<32} median {sorted(times)[len(times) // 2]:5.2f} s   longest {max(times):5.2f} s")
        browser.close()


def read_peak_mb(pid: int) -> int:
    """Return the peak resident memory of a process in MB (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024 // 1_000_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--samples", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_results(Path(name), asked.runs, asked.samples)
        viewer = start("view", name, "--port", "0")
        try:
            assert viewer.stdout is not None
            url = viewer.stdout.readline().strip()
            measure_pages(url)
            print(f"{'peak memory':<32} {read_peak_mb(viewer.pid)} MB")
        finally:
            viewer.send_signal(signal.SIGINT)
            viewer.communicate(timeout=60)


if __name__ == "__main__":
    main()

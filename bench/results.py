"""What a measure came to, against its floor, and the table of all."""

import os
import platform
from dataclasses import dataclass
from statistics import median


@dataclass
class Result:
    measure: str
    ours: str
    reference: str
    ratio: str
    floor: str
    passed: bool

    @classmethod
    def at_least(cls, measure, ours, reference, floor, name):
        """Seconds of both sides; ours has to be `floor` times as fast as the reference."""
        ratio = median(reference) / median(ours)
        return cls(measure, f"{median(ours):.2f} s", f"{median(reference):.2f} s ({name})",
                   f"{ratio:.2f} × as fast", f"≥ {floor} ×", ratio >= floor)

    @classmethod
    def at_most(cls, measure, ours, reference, floor, name):
        """Seconds of both sides; ours may take `floor` times as long as the reference."""
        ratio = median(ours) / median(reference)
        return cls(measure, f"{median(ours):.2f} s", f"{median(reference):.2f} s ({name})",
                   f"{ratio:.2f} × the time", f"≤ {floor} ×", ratio <= floor)

    @classmethod
    def memory(cls, measure, finished, limit_bytes):
        mb = finished.peak_bytes / 1e6
        return cls(measure, f"{mb:.0f} MB peak in {finished.seconds:.0f} s", "", "",
                   f"< {limit_bytes / 1e6:.0f} MB", finished.peak_bytes < limit_bytes)


def markdown(results):
    lines = ["| measure | ours | reference | ratio | floor | |", "|---|---|---|---|---|---|"]
    for one in results:
        verdict = "pass" if one.passed else "**FAIL**"
        lines.append(f"| {one.measure} | {one.ours} | {one.reference} | {one.ratio} | {one.floor} | {verdict} |")
    return "\n".join(lines)


def machine():
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"

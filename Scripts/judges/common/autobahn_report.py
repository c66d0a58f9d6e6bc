"""Prints what the Autobahn suite saw as a table, and judges it: 0 when there is nothing to say."""

import collections
import json
import sys

CHAPTERS = {
    "1": "framing", "2": "pings and pongs", "3": "reserved bits", "4": "opcodes", "5": "fragmentation", "6": "UTF-8",
    "7": "closing", "9": "limits and speed", "10": "auto-fragmentation", "12": "deflate, sizes", "13": "deflate, windows",
}
CASES_IN_ALL = 517


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        agents = json.load(file)
    part = len(sys.argv) > 2 and sys.argv[2] == "part"
    (cases,) = agents.values()
    findings = []
    table = collections.defaultdict(collections.Counter)
    for name, case in sorted(cases.items(), key=lambda item: [int(number) for number in item[0].split(".")]):
        behaviour, close = case["behavior"], case["behaviorClose"]
        table[name.split(".")[0]][behaviour] += 1
        if behaviour in ("FAILED", "UNIMPLEMENTED") or close in ("FAILED", "WRONG CODE", "UNCLEAN"):
            findings.append(f"{name}: {behaviour}, close {close}")
        elif name.startswith("6.4.") and behaviour != "OK":
            findings.append(f"{name}: {behaviour}; invalid UTF-8 has to be refused at its first byte")
    kinds = sorted({kind for counts in table.values() for kind in counts})
    print(f"{'chapter':<26}" + "".join(f"{kind:>15}" for kind in kinds))
    for chapter, counts in table.items():
        title = f"{chapter} {CHAPTERS.get(chapter, '')}"
        print(f"{title:<26}" + "".join(f"{counts[kind]:>15}" for kind in kinds))
    print(f"{'all':<26}" + "".join(f"{sum(counts[kind] for counts in table.values()):>15}" for kind in kinds))
    if not part and len(cases) != CASES_IN_ALL:
        findings.append(f"{len(cases)} cases ran instead of {CASES_IN_ALL}")
    for finding in findings:
        print(f"FAILED {finding}")
    print(f"{len(cases)} cases, {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())

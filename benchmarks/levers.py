"""Time by layer and by module, from a trace of `soragrad train --profile FILE.json`.

    levers.py FILE.json

Prints milliseconds a step of each layer, forward and backward. The last layer computes everything past its keys and
values for the first tokens only, and the first layer sends no gradient below itself. The difference between these layers
and the median layer is what that saves. Then it prints the same by module, summed over the layers.
"""
import collections, json, re, statistics, sys


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    events = json.load(open(sys.argv[1]))["traceEvents"]
    steps = sum(e["name"] == "step" for e in events)
    if steps == 0:
        sys.exit(f"{sys.argv[1]} holds no training step.")
    inside = [(e["ts"], e["ts"] + e["dur"]) for e in events if e["name"] == "step"]
    layers, modules = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0])
    step = 0
    for e in sorted((e for e in events if e["cat"] == "op"), key=lambda e: e["ts"]):
        while step < steps and inside[step][1] < e["ts"]:
            step += 1
        if step == steps or e["ts"] < inside[step][0]:
            continue  # of an evaluation
        found = re.search(r"\.layer\.(\d+)(?:\.(.*))?$", e["args"]["module"])
        backward = e["name"].endswith(" backward")
        if found:
            layers[int(found[1])][backward] += e["dur"] / 1e3 / steps
        module = (found[2] or "(activation)") if found else e["args"]["module"] or "(no module)"
        modules[module][backward] += e["dur"] / 1e3 / steps
    print(f"{steps} steps, ms a step\n{'layer':40}{'forward':>9}{'backward':>10}")
    for layer, (forward, backward) in sorted(layers.items()):
        print(f"{layer:<40}{forward:9.2f}{backward:10.2f}")
    middle = [statistics.median(times[i] for times in layers.values()) for i in (0, 1)]
    print(f"{'median':40}{middle[0]:9.2f}{middle[1]:10.2f}\n\n{'module':40}{'forward':>9}{'backward':>10}")
    for module, (forward, backward) in sorted(modules.items(), key=lambda item: -sum(item[1])):
        print(f"{module:40}{forward:9.2f}{backward:10.2f}")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

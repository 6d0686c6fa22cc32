"""Own data through peft and transformers: names, order of classes and logits of soragrad's exports.

    own_data.py --soragrad PROGRAM [--family FAMILY ...] [--keep FOLDER]

Trains on a five-class CSV, whose classes have an order of their own, and on cells of several labels; exports peft, merged
and pruned; loads them in peft and transformers and in soragrad. Names, their order, predictions and logits must be the
same. Needs what exports.py needs.
"""
import argparse, csv, json, pathlib, sys, tempfile

import numpy
import peft
import torch
import transformers
from safetensors.numpy import load_file

from exports import Bench, SORA, WORDS

NAMES = ["sport", "Art", "news, local", "café", "5"]  # the order of the key labels
METHODS = {"lora": ["method=lora", "r=3"], "sora": SORA, "bitfit": ["method=bitfit"], "full": ["method=full", "learning_rate=1e-3"]}
KINDS = {"single": (["label"], "single_label_classification"), "several": (["labels"], "multi_label_classification")}


def write_rows(path, kind):
    rng = numpy.random.default_rng(4)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "text", *KINDS[kind][0]])
        for i in range(60):
            text = " ".join(rng.choice(WORDS, rng.integers(2, 9))) + ", " + str(i)
            several = ";".join(rng.permutation(NAMES)[: 1 + i % 3])
            writer.writerow([f"row-{i}", text, NAMES[i % 5] if kind == "single" else several])


class OwnBench(Bench):
    """A family's model and a CSV. The labels are the key's: quoted in YAML because one holds a comma."""

    def __init__(self, program, family, root, kind):
        super().__init__(program, family, root)
        self.kind, self.task, self.labels = kind, "custom", len(NAMES)
        self.rows = root / "rows.csv"
        self.separator = ["label_separator=;"] if kind == "several" else []
        write_rows(self.rows, kind)
        self.yaml = root / "keys.yaml"
        self.yaml.write_text(json.dumps({"labels": NAMES}))

    def train(self, name, *keys):
        folder = self.root / name
        self.run("train", "--config", self.yaml, f"model={self.model}", "task=custom", f"train_file={self.rows}", f"output={folder}",
                 "threads=1", "max_steps=12", "learning_rate=2e-2", "max_seq_length=48", *self.separator, *keys)
        return folder

    def tokens(self, model):
        path = self.root / "trace.safetensors"
        self.run("trace", "--model", model, "--task", "custom", "--input", self.rows, "--rows", 16, "--max-length", 48, "--output", path,
                 *self.separator)
        return load_file(path)

    def predictions(self, *source):
        path = self.root / "predictions.jsonl"
        self.run("predict", *source, "--task", "custom", "--input", self.rows, "--max-length", 48, "--output", path, "--probabilities",
                 *self.separator)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def expect(self, what, good, seen=""):
        self.checks += 1
        self.failures += not good
        if not good:
            print(f"{self.family:8} {self.kind:8} {what}  FAILED: {seen}", flush=True)


def names_of(config):
    return [config.id2label[i] for i in range(len(config.id2label))]


def probabilities_of(kind, logits):
    logits = torch.from_numpy(logits)
    return (torch.sigmoid(logits) if kind == "several" else torch.softmax(logits, -1)).numpy()


def check(bench, method):
    run = bench.train(method, *METHODS[method])
    ours = bench.predictions("--run", run)
    bench.expect(f"{method}: ids", [row["id"] for row in ours] == [f"row-{i}" for i in range(60)])
    bench.expect(f"{method}: order of probabilities", list(ours[0]["probabilities"]) == NAMES, list(ours[0]["probabilities"]))
    table = numpy.array([list(row["probabilities"].values()) for row in ours[:16]])
    merged = bench.export(run, "merged")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(merged, attn_implementation="eager").eval()
    bench.expect(f"{method}: names in transformers", names_of(model.config) == NAMES, model.config.id2label)
    bench.expect(f"{method}: problem_type", model.config.problem_type == KINDS[bench.kind][1], model.config.problem_type)
    rows = bench.tokens(merged)
    bench.compare(f"{bench.kind} {method}: merged in transformers", table, probabilities_of(bench.kind, bench.logits(model, rows)))
    again = bench.predictions("--model", merged)
    bench.expect(f"{method}: merged in soragrad", [r["label"] for r in again] == [r["label"] for r in ours])
    if method == "full":
        return
    for form in ("peft", "pruned"):
        if method == "bitfit":
            continue
        folder = bench.export(run, form)
        config = transformers.AutoConfig.from_pretrained(folder)
        bench.expect(f"{method}: names beside {form}", names_of(config) == NAMES, config.id2label)
        back = bench.predictions("--model", bench.model, "--adapter", folder)
        bench.expect(f"{method}: {form} in soragrad", [r["label"] for r in back] == [r["label"] for r in ours])
        if form == "peft":
            base = transformers.AutoModelForSequenceClassification.from_pretrained(bench.model, config=config,
                                                                                   attn_implementation="eager")
            loaded = peft.PeftModel.from_pretrained(base, folder).eval()
            bench.compare(f"{bench.kind} {method}: peft in peft", table, probabilities_of(bench.kind, bench.logits(loaded, rows)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soragrad", required=True, type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--family", nargs="+", default=["deberta", "roberta", "bert"])
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    checks = failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        for family in arguments.family:
            for kind in KINDS:
                root = (arguments.keep or pathlib.Path(temporary)).resolve() / f"{family}-{kind}"
                bench = OwnBench(arguments.soragrad, family, root, kind)
                for method in METHODS:
                    check(bench, method)
                checks, failures = checks + bench.checks, failures + bench.failures
    print(f"{failures} of {checks} comparisons failed" if failures else f"all {checks} comparisons hold")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0

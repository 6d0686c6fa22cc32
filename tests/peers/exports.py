"""Exports and adapters against Hugging Face: soragrad's in peft and transformers, peft's in soragrad, logits compared.

    exports.py --soragrad PROGRAM [--family FAMILY ...] [--keep FOLDER]

Makes a tiny random DeBERTaV3, RoBERTa and BERT, trains each method for some steps, exports every form and computes the
same rows with both programs. A difference above 1e-5 of the largest logit fails. Needs torch, transformers, peft and
numpy beside this interpreter, and the quickstart's tokenizer; nothing else.
"""
import argparse, copy, json, os, pathlib, shutil, subprocess, sys, tempfile, warnings

import numpy
import peft
import torch
import transformers
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1e-5
STEPS = 12
WORDS = "the a cat dog sees finds old green river runs sleeps near under it that who small on often house".split()
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=64)
TASKS = {"cola": ("CoLA", 2), "stsb": ("STS-B", 1), "mnli": ("MNLI", 3)}
FAMILIES = {"deberta": "cola", "roberta": "mnli", "bert": "stsb"}  # the task gives the number of labels
PEFT_VERSION = tuple(int(part) for part in peft.__version__.split(".")[:2])

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()


# ---------------------------------------------------------------------------------------------------------- models, data

def make_tokenizer(family, folder):
    if family == "deberta":
        shutil.copy(ROOT / "examples/quickstart/model/spm.model", folder)
    elif family == "roberta":
        letters = list(map(chr, [*range(33, 127), *range(161, 173), *range(174, 256)])) + [chr(256 + i) for i in range(68)]
        vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *letters, "<mask>"]
        (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(vocabulary)}))
        (folder / "merges.txt").write_text("#version: 0.2\n")
    else:
        letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *WORDS[2:]]
        (folder / "vocab.txt").write_text("\n".join(words) + "\n")


def make_model(family, folder):
    folder.mkdir(parents=True)
    make_tokenizer(family, folder)
    quickstart = json.loads((ROOT / "examples/quickstart/model/config.json").read_text())
    if family == "deberta":
        config = transformers.DebertaV2Config(
            **SIZES, vocab_size=quickstart["vocab_size"], relative_attention=True, share_att_key=True, position_buckets=8,
            pos_att_type=["p2c", "c2p"], position_biased_input=False, norm_rel_ebd="layer_norm", type_vocab_size=0)
        make = transformers.DebertaV2Model
    elif family == "roberta":
        config = transformers.RobertaConfig(**SIZES, vocab_size=len(json.loads((folder / "vocab.json").read_text())),
                                            type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
        make = transformers.RobertaModel
    else:
        config = transformers.BertConfig(**SIZES, vocab_size=len((folder / "vocab.txt").read_text().split()))
        make = transformers.BertModel
    torch.manual_seed(5)
    model = make(config)
    with torch.no_grad():  # as far from the initial values as a trained model
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.15)
            if "LayerNorm.weight" in name:
                parameter.add_(1)
    model.save_pretrained(folder)


def make_data(folder):
    rng = numpy.random.default_rng(3)
    sentence = lambda: " ".join(rng.choice(WORDS, rng.integers(2, 9))) + " ."
    for split, count in (("train", 64), ("dev", 24)):
        pairs = [(sentence(), sentence()) for _ in range(count)]
        path = folder / "CoLA" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("".join(f"own\t{i % 2}\t\t{a}\n" for i, (a, _) in enumerate(pairs)))
        path = folder / "STS-B" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True)
        header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        path.write_text(header + "".join(f"{i}\tg\tf\ty\t{i}\ts\ts\t{a}\t{b}\t{i % 11 / 2:.3f}\n" for i, (a, b) in enumerate(pairs)))
        (folder / "MNLI").mkdir(exist_ok=True)
        header = ("index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
                  "sentence2_parse\tsentence1\tsentence2\t" + ("gold_label\n" if split == "train" else "label1\tgold_label\n"))
        labels = ("contradiction", "entailment", "neutral")
        extra = "" if split == "train" else "neutral\t"
        text = header + "".join(f"{i}\tp\tp\tg\t\t\t\t\t{a}\t{b}\t{extra}{labels[i % 3]}\n" for i, (a, b) in enumerate(pairs))
        for name in ([split] if split == "train" else ["dev_matched", "dev_mismatched"]):
            (folder / "MNLI" / f"{name}.tsv").write_text(text)


# ------------------------------------------------------------------------------------------------------ the two programs

class Bench:
    """A family's model and rows, and how either program computes their logits."""

    def __init__(self, program, family, root):
        self.program, self.family, self.root = program, family, root
        self.model, self.data = root / "model", root / "data"
        self.task = FAMILIES[family]
        self.labels = TASKS[self.task][1]
        make_model(family, self.model)
        make_data(self.data)
        name = "dev_matched.tsv" if self.task == "mnli" else "dev.tsv"
        self.rows = self.data / TASKS[self.task][0] / name
        self.failures = self.checks = 0
        self.worst = 0.0

    def run(self, *arguments, code=0):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != code:
            sys.exit(f"exit {done.returncode} instead of {code}: {' '.join(map(str, arguments))}\n{done.stderr}")
        return done

    def train(self, name, *keys):
        folder = self.root / name
        self.run("train", f"model={self.model}", f"task={self.task}", f"data={self.data}", f"output={folder}", "threads=1",
                 f"max_steps={STEPS}", "learning_rate=2e-2", "max_seq_length=48", *keys)
        return folder

    def export(self, run, form):
        folder = run.parent / f"{run.name}-{form}"
        self.run("export", "--run", run, "--format", form, "--output", folder)
        return folder

    def trace(self, model, adapter=None):
        path = self.root / "trace.safetensors"
        self.run("trace", "--model", model, *(["--adapter", adapter] if adapter else []), "--task", self.task, "--input",
                 self.rows, "--rows", 16, "--max-length", 48, "--output", path)
        return load_file(path)

    def predict(self, *source):
        path = self.root / "predictions.tsv"
        self.run("predict", *source, "--task", self.task, "--input", self.rows, "--max-length", 48, "--output", path)
        return path.read_text()

    def reference(self, folder=None):
        """The model of the folder in transformers, its head fresh where the folder has none."""
        torch.manual_seed(9)
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            folder or self.model, num_labels=self.labels, attn_implementation="eager").eval()

    def logits(self, model, trace):
        """Row by row, without padding, in float64: in float32 PyTorch's own error reaches the limit."""
        model = copy.deepcopy(model).double()
        out, starts = [], trace["offsets"]
        for begin, end in zip(starts, starts[1:]):
            ids = torch.from_numpy(trace["input_ids"][begin:end])
            extra = {}
            if self.family == "bert":  # [CLS] a [SEP] b [SEP]: b is of type 1
                before = torch.cumsum(ids == 3, 0) - (ids == 3).long()
                extra["token_type_ids"] = before[None]
            with torch.no_grad():
                out.append(model(input_ids=ids[None], **extra).logits[0].numpy())
        return numpy.stack(out)

    def compare(self, what, ours, theirs):
        difference = float(numpy.abs(ours - theirs).max() / max(1.0, numpy.abs(theirs).max()))
        good = difference <= LIMIT and ours.shape == theirs.shape
        self.checks += 1
        self.failures += not good
        self.worst = max(self.worst, difference)
        print(f"{self.family:8} {what:58} {difference:.1e}{'' if good else '  FAILED'}", flush=True)


# --------------------------------------------------------------------------------------------------------------- exports

def edit_gates(run, edit):
    """Sets the gates of a trained run: edit(path, number of the module, values) changes them in place."""
    path = run / "best/adapter_model.safetensors"
    tensors = load_file(path)
    for number, name in enumerate(sorted(n for n in tensors if n.endswith(".gate"))):
        edit(name, number, tensors[name])
    save_file(tensors, path)


def pattern(_, number, gate):
    gate[:] = numpy.where(gate == 0, 0.5, gate)
    gate[: number % (len(gate) + 1)] = 0  # ranks r, r-1, ... 0 and again


def only_one(name, _, gate):
    gate[:] = gate + 0.5 if ".1." in name and "query" in name else 0


def none_left(_, __, gate):
    gate[:] = 0


SORA = ["method=sora", "r=4", "proximal=released", "xi=2e-2"]
CASES = {  # name: (keys, edit of the gates, forms of export)
    "sora": (SORA, None, "peft merged pruned"),
    "sora, ranks 4 to 0": (SORA, pattern, "peft merged pruned"),
    "sora, one module left": (SORA, only_one, "peft merged pruned"),
    "sora, no gate left": (SORA, none_left, "peft merged pruned"),
    "sora, targets": (SORA + ["target_modules=[value,value_proj,output.dense]"], pattern, "peft merged pruned"),
    "sora, frozen head": (SORA + ["train_head=false"], None, "peft merged pruned"),
    "lora": (["method=lora", "r=3", "lora_alpha=7"], None, "peft merged pruned"),
    "lora, dropout, intermediate alone": (["method=lora", "target_modules=[intermediate.dense]", "lora_dropout=0.2"], None,
                                          "peft merged pruned"),
    "adalora": (["method=adalora", "init_r=4", "target_r=2", "tinit=2", "tfinal=3"], None, "peft merged pruned"),
    "adalora to rank 1": (["method=adalora", "init_r=6", "target_r=1", "tinit=1", "tfinal=2"], None, "peft merged pruned"),
    "houlsby": (["method=houlsby", "bottleneck=4"], None, ""),
    "pfeiffer": (["method=pfeiffer", "bottleneck=4"], None, ""),
    "bitfit": (["method=bitfit"], None, "merged"),
    "full": (["method=full", "learning_rate=1e-3"], None, "merged"),
}


def targets_of(family, keys):
    """target_modules as this family names them."""
    other = {"deberta": "value,", "roberta": "value_proj,", "bert": "value_proj,"}[family]
    return [key.replace("[" + other, "[").replace("," + other, ",") for key in keys]


def check_exports(bench, name, number):
    keys, edit, forms = CASES[name]
    run = bench.train(f"run{number}", *targets_of(bench.family, keys))
    if edit:
        edit_gates(run, edit)
    weights = run / "best"
    # A full run's best/ has no tokenizer beside it; its export has.
    own = bench.trace(bench.export(run, "merged")) if name == "full" else bench.trace(bench.model, weights)
    assert numpy.abs(own["logits"] - bench.trace(bench.model)["logits"]).max() > 1e-3, "training changed nothing"
    predicted = bench.predict("--run", run)
    for form in ("peft", "merged", "pruned"):
        if form not in forms.split():
            refused = bench.run("export", "--run", run, "--format", form, "--output", run.parent / "refused", code=1)
            assert refused.stderr.count("\n") == 1 and not (run.parent / "refused").exists(), refused.stderr
            continue
        folder = run.parent / f"{run.name}-{form}" if name == "full" else bench.export(run, form)
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        if form == "merged":
            bench.compare(f"{name}: merged in transformers", own["logits"], bench.logits(bench.reference(folder), own))
            bench.compare(f"{name}: merged in soragrad", bench.trace(folder)["logits"], own["logits"])
            assert bench.predict("--model", folder) == predicted
            continue
        if form == "peft":
            model = peft.PeftModel.from_pretrained(bench.reference(), folder).eval()
            bench.compare(f"{name}: peft in peft ({size} bytes)", own["logits"], bench.logits(model, own))
            merged = model.merge_and_unload()
            bench.compare(f"{name}: peft, merged by peft", own["logits"], bench.logits(merged, own))
        bench.compare(f"{name}: {form} in soragrad ({size} bytes)", bench.trace(bench.model, folder)["logits"], own["logits"])
        if form == "pruned" or "no gate" not in name:
            assert bench.predict("--model", bench.model, "--adapter", folder) == predicted


# ------------------------------------------------------------------------------------------------------ adapters of peft

def short_names(family):
    query, value = ("query_proj", "value_proj") if family == "deberta" else ("query", "value")
    return query, value


def fill(model):
    """Every adapter parameter and the head drawn anew, as if trained: lora_B and lora_E start at zero."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad or "modules_to_save" in name:
                parameter.normal_(0, 0.3)


def peft_cases(family):
    query, value = short_names(family)
    both = [query, value]
    head = ["classifier", "pooler"]
    layers = "deberta.encoder.layer" if family == "deberta" else f"{family}.encoder.layer"
    yield "lora", peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=both)
    yield "lora, head saved", peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=both, modules_to_save=head)
    yield "lora, targets by regular expression", peft.LoraConfig(
        task_type="SEQ_CLS", r=2, target_modules=rf".*encoder\.layer\.1\..*({query}|{value})")
    yield "lora, one layer", peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=both, layers_to_transform=[1],
                                             layers_pattern="layer")
    yield "lora, biases", peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=both, bias="lora_only")
    yield "lora, all biases", peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=both, bias="all")
    if PEFT_VERSION >= (0, 8):
        yield "lora, rslora", peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=both, use_rslora=True)
    if PEFT_VERSION >= (0, 5):
        yield "lora, patterns", peft.LoraConfig(
            task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=both + ["output.dense"],
            rank_pattern={query: 7, f"{layers}.1.output.dense": 2}, alpha_pattern={value: 3, "output.dense": 5})
        yield "lora, rslora and patterns", peft.LoraConfig(
            task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=both, rank_pattern={query: 7}, alpha_pattern={query: 3},
            **({"use_rslora": True} if PEFT_VERSION >= (0, 8) else {}))
    if PEFT_VERSION >= (0, 8):
        yield "lora, all-linear", peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules="all-linear")
    yield "adalora", peft.AdaLoraConfig(task_type="SEQ_CLS", init_r=4, target_r=2, lora_alpha=6, target_modules=both,
                                        total_step=100)
    yield "adalora, budget spent", peft.AdaLoraConfig(task_type="SEQ_CLS", init_r=4, target_r=2, lora_alpha=6, tinit=1,
                                                      tfinal=2, deltaT=1, total_step=8, target_modules=both + ["output.dense"])


def spend_budget(model, trace, bench):
    """Some steps with the allocator, as peft's users write them."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    for step in range(8):
        ids = torch.from_numpy(trace["input_ids"][trace["offsets"][step]:trace["offsets"][step + 1]])
        model(input_ids=ids[None]).logits.pow(2).sum().backward()
        optimizer.step()
        model.base_model.update_and_allocate(step)
        optimizer.zero_grad()


def check_peft(bench, name, config, number):
    base = bench.root / "with-head"  # the head of an adapter without one is the base model's
    if not base.exists():
        bench.reference().save_pretrained(base)
        for file in bench.model.iterdir():
            if file.suffix in (".model", ".txt", ".json") and file.name != "config.json":
                shutil.copy(file, base)
    rows = bench.trace(base)
    model = peft.get_peft_model(bench.reference(base), config)
    fill(model)
    if "budget" in name:
        spend_budget(model, rows, bench)
    folder = bench.root / f"peft{number}"
    model.save_pretrained(folder)  # not all of it: releases of peft leave out the biases of bias="lora_only"
    try:
        again = peft.PeftModel.from_pretrained(bench.reference(base), folder).eval()
    except AttributeError as error:  # a target inside a saved module
        print(f"{bench.family:8} {name}: peft cannot load what it saved: {error}")
        return
    theirs = bench.logits(again, rows)
    bench.compare(f"{name} of peft in soragrad", bench.trace(base, folder)["logits"], theirs)
    if bench.labels > 1:
        predicted = [line.split("\t")[1] for line in bench.predict("--model", base, "--adapter", folder).split("\n")[1:17]]
        names = ["entailment", "neutral", "contradiction"] if bench.labels == 3 else ["0", "1"]
        assert predicted == [names[i] for i in theirs.argmax(1)], name
    if "biases" in name:
        return
    # Further training starts from it: at a rate of 0 it stays what it is.
    method = "adalora" if "adalora" in name else "lora"
    run = bench.root / f"further{number}"
    bench.run("train", f"model={base}", f"task={bench.task}", f"data={bench.data}", f"output={run}", f"method={method}",
              f"initial_state={folder}", "max_steps=3", "learning_rate=1e-30", "weight_decay=0", "threads=1", "max_seq_length=48",
              *(["target_r=4", "tinit=1", "tfinal=1"] if method == "adalora" else []))
    bench.compare(f"{name} of peft, trained at rate 0", bench.trace(base, run / "final")["logits"], theirs)
    back = bench.export(run, "peft")
    again = peft.PeftModel.from_pretrained(bench.reference(base), back).eval()
    bench.compare(f"{name} of peft, back to peft", theirs, bench.logits(again, rows))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--soragrad", required=True)
    p.add_argument("--family", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    p.add_argument("--keep", type=pathlib.Path, help="an empty folder for the files, which then stay")
    a = p.parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    checks = failures = 0
    worst = 0.0
    with tempfile.TemporaryDirectory() as tmp:
        for family in a.family:
            bench = Bench(os.path.abspath(a.soragrad), family, (a.keep or pathlib.Path(tmp)).resolve() / family)
            for number, name in enumerate(CASES):
                check_exports(bench, name, number)
            for number, (name, config) in enumerate(peft_cases(family)):
                check_peft(bench, name, config, number)
            checks, failures, worst = checks + bench.checks, failures + bench.failures, max(worst, bench.worst)
    print(f"\n{checks} comparisons, {failures} failed, worst {worst:.1e}; peft {peft.__version__}, "
          f"transformers {transformers.__version__}, torch {torch.__version__}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

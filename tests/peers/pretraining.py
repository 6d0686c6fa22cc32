"""Pre-trained models against Hugging Face: what `soragrad pretrain` exports, in transformers.

    pretraining.py --soragrad PROGRAM [--keep FOLDER]

Trains a tokenizer of each family on a small text, pre-trains a tiny model for some steps by each objective and sharing, and
compares final/ and final/generator/ with transformers: hidden states of `soragrad trace`, and the language model's loss on
one batch, which depends on every logit. A difference above 1e-5 of the largest value fails. Needs torch, transformers and
numpy beside this interpreter.
"""
import argparse, json, pathlib, subprocess, sys, tempfile, warnings

import numpy
import torch
import transformers
from safetensors.numpy import load_file, save_file

LIMIT = 1e-5
STEPS = 6
WORDS = "the a cat dog sees finds old green river runs sleeps near under it that who small on often house".split()
CASES = [("deberta-v2", "rtd", "gdes"), ("deberta-v2", "rtd", "es"), ("deberta-v2", "rtd", "nes"), ("deberta-v2", "mlm", ""),
         ("roberta", "mlm", ""), ("bert", "mlm", "")]
ENCODERS = {"deberta-v2": transformers.DebertaV2Model, "roberta": transformers.RobertaModel, "bert": transformers.BertModel}
LANGUAGE_MODELS = {"deberta-v2": transformers.DebertaV2ForMaskedLM, "roberta": transformers.RobertaForMaskedLM,
                   "bert": transformers.BertForMaskedLM}
VOCABULARY = {"deberta-v2": 300, "roberta": 300, "bert": 60}

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()


def sentences(count):
    rng = numpy.random.default_rng(3)
    return [" ".join(rng.choice(WORDS, rng.integers(3, 12))) + "." for _ in range(count)]


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {result.returncode}: {result.stderr.strip()[-400:]}")


def language_model(family, folder):
    """transformers' class with the folder's weights. Before 4.48 DeBERTa's head had other names."""
    model = LANGUAGE_MODELS[family].from_pretrained(folder).eval()
    if family == "deberta-v2" and not hasattr(model, "lm_predictions"):
        state, head = load_file(folder / "model.safetensors"), model.cls.predictions
        names = {"dense": head.transform.dense, "LayerNorm": head.transform.LayerNorm}
        with torch.no_grad():
            for name, module in names.items():
                for part in ("weight", "bias"):
                    getattr(module, part).copy_(torch.from_numpy(state[f"lm_predictions.lm_head.{name}.{part}"]))
            head.bias.copy_(torch.from_numpy(state["lm_predictions.lm_head.bias"]))
            head.decoder.bias = head.bias
    return model


def padded(ids, offsets, fill):
    rows = [ids[begin:end] for begin, end in zip(offsets, offsets[1:])]
    width = max(map(len, rows))
    table = numpy.full((len(rows), width), fill)
    mask = numpy.zeros((len(rows), width), dtype=numpy.int64)
    for i, row in enumerate(rows):
        table[i, :len(row)], mask[i, :len(row)] = row, 1
    return torch.from_numpy(table), torch.from_numpy(mask)


def difference(actual, expected):
    return float(numpy.abs(actual - expected).max() / max(numpy.abs(expected).max(), 1e-3))


def check_hidden(soragrad, family, folder, work):
    texts = work / "texts.tsv"
    texts.write_text("".join(f"own\t1\t\t{line}\n" for line in sentences(4)))
    trace = work / "trace.safetensors"
    run(soragrad, "trace", "--model", folder, "--task", "cola", "--input", texts, "--rows", 4, "--device", "cpu", "--output", trace)
    got = load_file(trace)
    model = ENCODERS[family].from_pretrained(folder).eval()
    ids, mask = padded(got["input_ids"], got["offsets"], model.config.pad_token_id)
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return max(difference(got[f"hidden.{i}"], state[mask.bool()].numpy()) for i, state in enumerate(states))


def check_loss(soragrad, family, folder, work):
    """The loss of one batch: soragrad's first step at rate 0, and transformers'."""
    rng = numpy.random.default_rng(4)
    config = json.loads((folder / "config.json").read_text())
    lengths = [9, 5, 12]
    ids = rng.integers(5, config["vocab_size"], sum(lengths))
    offsets = numpy.cumsum([0, *lengths])
    labels = numpy.where(rng.random(len(ids)) < 0.3, rng.integers(5, config["vocab_size"], len(ids)), -100)
    labels[1] = 7
    batches = work / "batches.safetensors"
    save_file({"1.input_ids": ids, "1.offsets": offsets, "1.labels": labels}, batches)
    output = work / "loss"
    run(soragrad, "pretrain", f"model={folder}", "objective=mlm", f"batches={batches}", f"output={output}", "overwrite=true",
        "hidden_dropout_prob=0", "attention_probs_dropout_prob=0", "device=cpu", "learning_rate=0")
    got = json.loads((output / "metrics.jsonl").read_text().splitlines()[0])["mlm_loss"]
    model = language_model(family, folder)
    table, mask = padded(ids, offsets, model.config.pad_token_id)
    wanted, _ = padded(labels, offsets, -100)
    with torch.no_grad():
        logits = model(input_ids=table, attention_mask=mask).logits
    expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, ignore_index=-100).item()
    return abs(got - expected) / expected


def check_case(soragrad, family, objective, sharing, work):
    corpus, model = work / "corpus.txt", work / family
    corpus.write_text("\n".join(sentences(600)) + "\n")
    run(soragrad, "train-tokenizer", "--model-type", family, "--vocab-size", VOCABULARY[family], "--corpus", corpus, "--output", model,
        "--layers", 2, "--hidden-size", 32, "--heads", 4)
    keys = [f"sharing={sharing}"] if sharing else []
    run(soragrad, "pretrain", f"model={model}", f"objective={objective}", f"corpus={corpus}", f"output={work / 'run'}", "overwrite=true",
        f"max_steps={STEPS}", "max_seq_length=24", "learning_rate=1e-2", "max_grad_norm=1", "device=cpu", *keys)
    folders = [work / "run/final"] + ([work / "run/final/generator"] if objective == "rtd" else [])
    results = {f"hidden states of {folder.name}": check_hidden(soragrad, family, folder, work) for folder in folders}
    results[f"loss of {folders[-1].name}"] = check_loss(soragrad, family, folders[-1], work)
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--soragrad", required=True, type=pathlib.Path)
    arguments.add_argument("--keep", type=pathlib.Path, help="work here and leave the files")
    arguments = arguments.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        for family, objective, sharing in CASES:
            name = " ".join(filter(None, (family, objective, sharing)))
            work = (arguments.keep or pathlib.Path(temporary)) / name.replace(" ", "-")
            work.mkdir(parents=True, exist_ok=True)
            for what, error in check_case(arguments.soragrad.resolve(), family, objective, sharing, work).items():
                failed += error > LIMIT
                print(f"{'FAIL' if error > LIMIT else 'ok  '} {name}: {what} differ by {error:.1e}", flush=True)
    print("FAIL" if failed else f"OK: transformers {transformers.__version__} computes the same")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0

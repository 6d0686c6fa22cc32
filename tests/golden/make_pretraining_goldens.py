#!/usr/bin/env python3
"""Makes tests/golden/pretraining: short runs of tiny models, by PyTorch in float64 on Hugging Face's encoders.

Usage: make_pretraining_goldens.py      needs torch, transformers, safetensors and numpy

A case is a folder: config.json of the model; batches.safetensors and initial_state.safetensors as `soragrad pretrain` takes
them; case.json with the keys of the run, the numbers of each step, and sum and 2-norm of each tensor at the end. Ids are
random: nothing but the arithmetic is shown, so the tokenizers only have to load. Rows are padded here, which soragrad never does.
"""
import json, math, pathlib, shutil

import numpy
import torch
import transformers
from safetensors.numpy import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, embedding, gelu, layer_norm

HERE = pathlib.Path(__file__).resolve().parent / "pretraining"
STEPS, ROWS = 12, 3
SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
         "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.3, "vocab_size": 60}
CONFIGS = {
    "bert": {"model_type": "bert", "max_position_embeddings": 24, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0},
    "roberta": {"model_type": "roberta", "max_position_embeddings": 26, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
                "pad_token_id": 1, "vocab_size": 300},
    "deberta-v2": {"model_type": "deberta-v2", "max_position_embeddings": 24, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
                   "relative_attention": True, "share_att_key": True, "position_buckets": 4, "max_relative_positions": -1,
                   "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "norm_rel_ebd": "layer_norm",
                   "pad_token_id": 0, "vocab_size": 604},
}
HEADS = {"bert": ("cls.predictions", "transform.dense", "transform.LayerNorm"), "roberta": ("lm_head", "dense", "layer_norm"),
         "deberta-v2": ("lm_predictions.lm_head", "dense", "LayerNorm")}
PREFIX = {"bert": "bert.", "roberta": "roberta.", "deberta-v2": "deberta."}
CLASSES = {"bert": (transformers.BertConfig, transformers.BertModel), "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
           "deberta-v2": (transformers.DebertaV2Config, transformers.DebertaV2Model)}
TABLE = "embeddings.word_embeddings.weight"
# name: family, keys of the run
CASES = {
    "mlm_bert": ("bert", {"objective": "mlm", "weight_decay": 0.1, "adam_epsilon": 1e-4}),
    "mlm_roberta": ("roberta", {"objective": "mlm", "lr_scheduler_type": "cosine", "max_grad_norm": 0.0, "adam_epsilon": 1e-4}),
    "mlm_deberta": ("deberta-v2", {"objective": "mlm", "weight_decay": 0.2, "warmup_steps": 3}),
    "rtd_es": ("deberta-v2", {"objective": "rtd", "sharing": "es", "rtd_lambda": 20.0, "weight_decay": 0.1}),
    "rtd_nes": ("deberta-v2", {"objective": "rtd", "sharing": "nes", "rtd_lambda": 5.0, "generator_layers": 2}),
    "rtd_gdes": ("deberta-v2", {"objective": "rtd", "sharing": "gdes", "weight_decay": 0.3, "optim": "adamw_torch"}),
}
DEFAULTS = {"max_steps": STEPS, "logging_steps": 1, "learning_rate": 5e-3, "weight_decay": 0.0, "adam_beta1": 0.9,
            "adam_beta2": 0.99, "adam_epsilon": 1e-6, "max_grad_norm": 1.0, "warmup_steps": 2, "lr_scheduler_type": "linear",
            "seed": 1}


class Encoder:
    """A Hugging Face encoder without pooler, whose word table is handed in."""

    def __init__(self, family, config, prefix):
        settings, model = CLASSES[family]
        extra = {} if family == "deberta-v2" else {"add_pooling_layer": False}
        self.model = model(settings(**config, attn_implementation="eager"), **extra).double().train()
        self.prefix = prefix + PREFIX[family]

    def parameters(self):
        return {self.prefix + name: p for name, p in self.model.named_parameters() if name != TABLE}

    def __call__(self, ids, mask, table):
        return self.model(inputs_embeds=embedding(ids, table), attention_mask=mask).last_hidden_state


def drawn(shape, rng, name):
    values = rng.normal(0, 0.3, shape)
    if "LayerNorm.weight" in name or "layer_norm.weight" in name:
        values = 1 + 0.1 * values
    return torch.tensor(values.astype(numpy.float32).astype(numpy.float64), requires_grad=True)


def language_head(state, prefix, family, hidden, table, eps):
    head, dense, norm = HEADS[family]
    w = {part: state[f"{prefix}{head}.{part}"] for part in (f"{dense}.weight", f"{dense}.bias", f"{norm}.weight", f"{norm}.bias", "bias")}
    x = gelu(hidden @ w[f"{dense}.weight"].T + w[f"{dense}.bias"])
    x = layer_norm(x, x.shape[-1:], w[f"{norm}.weight"], w[f"{norm}.bias"], eps)
    return x @ table.T + w["bias"]


def token_head(state, hidden, eps):
    x = hidden + hidden[:, :1]
    x = layer_norm(x, x.shape[-1:], state["mask_predictions.LayerNorm.weight"], state["mask_predictions.LayerNorm.bias"], eps)
    x = gelu(x @ state["mask_predictions.dense.weight"].T + state["mask_predictions.dense.bias"])
    return (x @ state["mask_predictions.classifier.weight"].T + state["mask_predictions.classifier.bias"])[..., 0]


def head_shapes(family, config, prefix, rtd):
    h, v = config["hidden_size"], config["vocab_size"]
    head, dense, norm = HEADS[family]
    shapes = {f"{prefix}{head}.{dense}.weight": (h, h), f"{prefix}{head}.{dense}.bias": (h,),
              f"{prefix}{head}.{norm}.weight": (h,), f"{prefix}{head}.{norm}.bias": (h,), f"{prefix}{head}.bias": (v,)}
    if rtd:
        shapes |= {"mask_predictions.dense.weight": (h, h), "mask_predictions.dense.bias": (h,),
                   "mask_predictions.LayerNorm.weight": (h,), "mask_predictions.LayerNorm.bias": (h,),
                   "mask_predictions.classifier.weight": (1, h), "mask_predictions.classifier.bias": (1,)}
    return shapes


def batch(rng, vocab, rtd):
    """Ragged rows: (input_ids, offsets, labels, replaced)."""
    lengths = rng.integers(5, 20, ROWS)
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)])
    ids = rng.integers(5, vocab, offsets[-1])
    labels, replaced = numpy.full(len(ids), -100), ids.copy()
    for begin, end in zip(offsets, offsets[1:]):
        chosen = begin + 1 + rng.choice(end - begin - 2, max(1, round(0.2 * (end - begin - 2))), replace=False)
        labels[chosen] = ids[chosen]
        samples = rng.integers(5, vocab, len(chosen))
        replaced[chosen] = numpy.where(rng.random(len(chosen)) < 0.3, ids[chosen], samples)
        ids[chosen] = 4
    return ids, offsets, labels, replaced


def padded(values, offsets, fill):
    rows = [torch.tensor(values[begin:end]) for begin, end in zip(offsets, offsets[1:])]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=fill)


def factor(keys, step):
    warm, steps = keys["warmup_steps"], keys["max_steps"]
    if step < warm:
        return step / warm
    progress = (step - warm) / (steps - warm)
    return 1 - progress if keys["lr_scheduler_type"] == "linear" else 0.5 * (1 + math.cos(math.pi * progress))


def initial_state(family, config, keys, rng):
    """Encoders and all trained tensors by name; word tables apart from the encoders."""
    rtd, sharing = keys["objective"] == "rtd", keys.get("sharing")
    main = Encoder(family, config, "")
    encoders, shapes = [main], {}
    if rtd:
        layers = keys.get("generator_layers") or max(1, config["num_hidden_layers"] // 2)
        encoders.append(Encoder(family, {**config, "num_hidden_layers": layers}, "generator."))
    for encoder in encoders:
        shapes |= {name: tuple(p.shape) for name, p in encoder.parameters().items()}
    shapes |= head_shapes(family, config, "generator." if rtd else "", rtd)
    table = (config["vocab_size"], config["hidden_size"])
    if sharing == "gdes":
        shapes |= {"deberta.embeddings.word_embeddings._weight": table}
    else:
        shapes |= {PREFIX[family] + TABLE: table}
    if sharing in ("nes", "gdes"):
        shapes |= {"generator.deberta." + TABLE: table}
    state = {name: drawn(shapes[name], rng, name) for name in sorted(shapes)}
    for encoder in encoders:
        with torch.no_grad():
            for name, parameter in encoder.parameters().items():
                parameter.copy_(state[name])
        state |= encoder.parameters()  # these are trained
    return encoders, state


def losses(family, config, keys, encoders, state, data):
    ids, offsets, labels, replaced = data
    rtd, sharing, eps = keys["objective"] == "rtd", keys.get("sharing"), config["layer_norm_eps"]
    inputs = padded(ids, offsets, config["pad_token_id"])
    mask = padded(numpy.ones_like(ids), offsets, 0)
    targets = padded(labels, offsets, -100)
    main_table = state.get(PREFIX[family] + TABLE)
    language_table = state["generator.deberta." + TABLE] if sharing in ("nes", "gdes") else main_table
    chosen = targets >= 0
    hidden = encoders[-1](inputs, mask, language_table)[chosen]
    logits = language_head(state, "generator." if rtd else "", family, hidden, language_table, eps)
    mlm = cross_entropy(logits, targets[chosen])
    numbers = {"mlm_loss": mlm, "mlm_accuracy": (logits.argmax(-1) == targets[chosen]).double().mean()}
    if not rtd:
        return mlm, numbers
    if sharing == "gdes":
        main_table = language_table.detach() + state["deberta.embeddings.word_embeddings._weight"]
    seen = torch.where(chosen, padded(replaced, offsets, 0), inputs)
    changed = (chosen & (seen != targets)).double()
    scores, real = token_head(state, encoders[0](seen, mask, main_table), eps), mask.bool()
    detection = binary_cross_entropy_with_logits(scores[real], changed[real])
    numbers |= {"rtd_loss": detection, "rtd_accuracy": ((scores > 0).double() == changed)[real].double().mean(),
                "replaced_share": changed[real].mean()}
    return mlm + keys.get("rtd_lambda", 50.0) * detection, numbers


def update(state, moments, keys, step):
    """Clips and takes a step of AdamW; returns the norm before clipping."""
    norm = math.sqrt(sum((p.grad ** 2).sum().item() for p in state.values()))
    clip = keys["max_grad_norm"]
    share = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
    rate, (b1, b2) = keys["learning_rate"] * factor(keys, step), (keys["adam_beta1"], keys["adam_beta2"])
    with torch.no_grad():
        for name, p in state.items():
            m, v = moments[name]
            gradient = p.grad * share
            m.mul_(b1).add_(gradient, alpha=1 - b1)
            v.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
            plain = name.endswith("bias") or "LayerNorm" in name or "layer_norm" in name
            p.mul_(1 - rate * (0.0 if plain else keys["weight_decay"]))
            p.sub_(rate / (1 - b1 ** (step + 1)) * m / ((v / (1 - b2 ** (step + 1))).sqrt() + keys["adam_epsilon"]))
            p.grad = None
    return norm, rate


def byte_symbols():
    """GPT-2's characters for the 256 bytes: printable ones stand for themselves."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(c) for c in plain] + [chr(256 + i) for i in range(256 - len(plain))]


def write_tokenizer(family, folder):
    """A tokenizer that loads: its ids are never used. DeBERTa's is that of examples/quickstart/model."""
    if family == "bert":
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(50)]
        (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    elif family == "roberta":
        tokens = ["<s>", "<pad>", "</s>", "<unk>", *byte_symbols(), "<mask>"]
        (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}) + "\n")
        (folder / "merges.txt").write_text("#version: 0.2\n")


def make(name, seed):
    family, own = CASES[name]
    keys, config = {**DEFAULTS, **own}, {**SIZES, **CONFIGS[family]}
    rng = numpy.random.default_rng(seed)
    folder = HERE / name
    folder.mkdir(parents=True)
    write_tokenizer(family, folder)
    encoders, state = initial_state(family, config, keys, rng)
    save_file({n: p.detach().numpy().astype(numpy.float32) for n, p in state.items()}, folder / "initial_state.safetensors")
    moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in state.items()}
    tensors, steps = {}, []
    for step in range(STEPS):
        data = batch(rng, config["vocab_size"] - 4, keys["objective"] == "rtd")
        for part, values in zip(("input_ids", "offsets", "labels", "replaced"), data):
            if part != "replaced" or keys["objective"] == "rtd":
                tensors[f"{step + 1}.{part}"] = values.astype(numpy.int64)
        loss, numbers = losses(family, config, keys, encoders, state, data)
        loss.backward()
        norm, rate = update(state, moments, keys, step)
        steps.append({"loss": loss.item(), "learning_rate": rate, "grad_norm": norm, **{n: x.item() for n, x in numbers.items()}})
    save_file(tensors, folder / "batches.safetensors")
    final = {n: [p.sum().item(), p.norm().item()] for n, p in state.items()}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "case.json").write_text(json.dumps({"family": family, "keys": keys, "steps": steps, "final": final}, indent=1) + "\n")
    print(f"{name}: loss {steps[0]['loss']:.4f} to {steps[-1]['loss']:.4f}")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(HERE, ignore_errors=True)
    for seed, name in enumerate(CASES):
        make(name, seed)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

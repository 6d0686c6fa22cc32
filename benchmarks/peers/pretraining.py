"""Pre-training steps of soragrad beside PyTorch's, and beside their matrix products alone, in turns.

    pretraining.py --soragrad PROGRAM --corpus FILES [--size pico nano] [--precision fp32 bf16] [--rounds 3] [--steps 30]
                   [--output FILE.json]

For each size: a DeBERTaV3 with a generator of half its layers, replaced token detection with gradient-disentangled
embeddings, sequences of 128 tokens. soragrad trains the model's tokenizer first. The peer is the same model on transformers'
DebertaV2Model in eager PyTorch: language model head over predicted positions only, samples by multinomial, one AdamW; in
bf16 under torch.autocast. The limit is the step's products in PyTorch's own matmul with all operands ready, in that
precision. Each round runs all once; the median of the rounds counts. Use an idle machine. Needs torch, transformers and numpy.
"""
import argparse, json, pathlib, statistics, subprocess, sys, tempfile, time

import torch
import transformers

SIZES = {"pico": dict(layers=4, hidden=192, heads=3, rows=32), "nano": dict(layers=6, hidden=256, heads=4, rows=32)}
VOCABULARY, LENGTH, PREDICTED, WARM_UP = 8000, 128, 19, 5
RATE, LAMBDA = 5e-4, 50


class Head(torch.nn.Module):
    """LayerNorm(gelu(dense(x))), in the order of either head."""
    def __init__(self, hidden):
        super().__init__()
        self.dense, self.norm = torch.nn.Linear(hidden, hidden), torch.nn.LayerNorm(hidden, 1e-7)


class Peer(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        def encoder(layers):
            return transformers.DebertaV2Model(transformers.DebertaV2Config(
                vocab_size=VOCABULARY, hidden_size=size["hidden"], num_hidden_layers=layers, num_attention_heads=size["heads"],
                intermediate_size=4 * size["hidden"], max_position_embeddings=512, type_vocab_size=0, relative_attention=True,
                share_att_key=True, position_buckets=64, pos_att_type=["c2p", "p2c"], position_biased_input=False,
                norm_rel_ebd="layer_norm", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
        self.generator, self.discriminator = encoder(size["layers"] // 2), encoder(size["layers"])
        self.table = self.generator.embeddings.word_embeddings.weight
        self.delta = torch.nn.Parameter(torch.zeros_like(self.table))
        del self.discriminator.embeddings.word_embeddings
        self.predict, self.detect = Head(size["hidden"]), Head(size["hidden"])
        self.bias = torch.nn.Parameter(torch.zeros(VOCABULARY))
        self.classifier = torch.nn.Linear(size["hidden"], 1)

    def run(self, model, words, mask):
        x = torch.nn.functional.layer_norm(words, words.shape[-1:], model.embeddings.LayerNorm.weight,
                                           model.embeddings.LayerNorm.bias, 1e-7)
        return model.encoder(x, mask)[0]

    def forward(self, ids, places, labels):
        gelu, embed = torch.nn.functional.gelu, torch.nn.functional.embedding
        mask = torch.ones_like(ids)
        h = self.run(self.generator, embed(ids, self.table), mask).reshape(-1, self.table.shape[1])[places]
        logits = self.predict.norm(gelu(self.predict.dense(h))) @ self.table.T + self.bias
        mlm = torch.nn.functional.cross_entropy(logits, labels)
        samples = torch.multinomial(torch.softmax(logits.detach(), -1), 1)[:, 0]
        corrupted, targets = ids.reshape(-1).clone(), torch.zeros(ids.numel())
        corrupted[places], targets[places] = samples, (samples != labels).float()
        corrupted = corrupted.view_as(ids)
        h = self.run(self.discriminator, embed(corrupted, self.table.detach()) + embed(corrupted, self.delta), mask)
        h = gelu(self.detect.dense(self.detect.norm(h + h[:, :1])))
        return mlm + LAMBDA * torch.nn.functional.binary_cross_entropy_with_logits(self.classifier(h).reshape(-1), targets)


def peer_ms(size, steps, precision):
    torch.manual_seed(0)
    model = Peer(size)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    times = []
    for _ in range(WARM_UP + steps):
        ids = torch.randint(5, VOCABULARY, (size["rows"], LENGTH))
        places = torch.cat([row * LENGTH + 1 + torch.randperm(LENGTH - 2)[:PREDICTED] for row in range(size["rows"])])
        labels = ids.reshape(-1)[places]
        begin = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(ids, places, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times[WARM_UP:])


def products(size):
    """(m, n, k, batch) of every forward product; backward repeats each twice."""
    hidden, rows, tokens = size["hidden"], size["rows"], size["rows"] * LENGTH
    layer = [(tokens, hidden, hidden, 1)] * 4 + [(tokens, 4 * hidden, hidden, 1), (tokens, hidden, 4 * hidden, 1)]
    layer += [(128, hidden, hidden, 1)] * 2
    heads, width = rows * size["heads"], hidden // size["heads"]
    layer += [(LENGTH, LENGTH, width, heads), (LENGTH, width, LENGTH, heads)] + [(LENGTH, 128, width, heads)] * 2
    head = [(rows * PREDICTED, hidden, hidden, 1), (rows * PREDICTED, VOCABULARY, hidden, 1), (tokens, hidden, hidden, 1)]
    return layer * (size["layers"] + size["layers"] // 2) + head


def limit_ms(size, precision):
    kind = dict(dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    operands = [(torch.randn(b, m, k, **kind), torch.randn(b, k, n, **kind), torch.empty(b, m, n, **kind))
                for m, n, k, b in products(size)]
    def turn():
        begin = time.perf_counter()
        for a, b, c in operands:
            for _ in range(3):
                torch.bmm(a, b, out=c)
        return (time.perf_counter() - begin) * 1e3
    turn()
    return min(turn() for _ in range(3))


def soragrad_ms(program, size, name, corpus, steps, precision, folder):
    model, run = folder / name, folder / f"{name}-run"
    if not model.exists():
        subprocess.run([program, "train-tokenizer", "--model-type", "deberta-v2", "--vocab-size", str(VOCABULARY), "--corpus",
                        corpus, "--output", model, "--layers", str(size["layers"]), "--hidden-size",
                        str(size["hidden"]), "--heads", str(size["heads"])], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([program, "pretrain", f"model={model}", f"corpus={corpus}", f"output={run}", "overwrite=true",
                    f"max_steps={WARM_UP + steps}", f"max_seq_length={LENGTH}", f"per_device_train_batch_size={size['rows']}",
                    "hidden_dropout_prob=0", "attention_probs_dropout_prob=0", f"learning_rate={RATE}", "weight_decay=0.01",
                    "max_grad_norm=1", "logging_steps=1", "device=cpu", f"precision={precision}"],
                   check=True, capture_output=True)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return statistics.median([line["step_seconds"] * 1e3 for line in lines if "step_seconds" in line][WARM_UP:])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--soragrad", required=True, type=pathlib.Path)
    arguments.add_argument("--corpus", required=True, help="files as `pretrain` takes them")
    arguments.add_argument("--size", nargs="+", choices=SIZES, default=list(SIZES))
    arguments.add_argument("--precision", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=30)
    arguments.add_argument("--output", type=pathlib.Path)
    arguments = arguments.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.size:
            size, rounds = SIZES[name], {precision: [] for precision in arguments.precision}
            for _ in range(arguments.rounds):
                for precision, done in rounds.items():
                    done.append(dict(soragrad=soragrad_ms(arguments.soragrad.resolve(), size, name, arguments.corpus,
                                                          arguments.steps, precision, pathlib.Path(folder)),
                                     pytorch=peer_ms(size, arguments.steps, precision), products=limit_ms(size, precision)))
            tokens = size["rows"] * LENGTH
            for precision, done in rounds.items():
                ms = {key: statistics.median(r[key] for r in done) for key in done[0]}
                results[f"{name}-{precision}"] = dict(rounds=done, median_ms=ms,
                                                      tokens_per_second=tokens / ms["soragrad"] * 1e3)
                print(f"{name}, {precision}: {tokens} tokens a step; soragrad {ms['soragrad']:.1f} ms "
                      f"({tokens / ms['soragrad'] * 1e3:.0f} tokens/s), "
                      f"PyTorch {ms['pytorch']:.1f} ms ({ms['pytorch'] / ms['soragrad']:.2f}x), "
                      f"products {ms['products']:.1f} ms ({ms['soragrad'] / ms['products']:.2f}x)", flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0

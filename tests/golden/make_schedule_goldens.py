"""Makes tests/golden/schedule: runs of Algorithm 1 (SoRA with a path of thresholds), step by step in float64.

Forward hooks add gated low-rank deltas to a tiny BERT of Hugging Face. Optimizer, clipping, proximal step, learning
rates, best checkpoint, phases, metrics and percentages are written out here from the formulas of the papers and the
released code. Everything random is drawn here and stored: model/, CoLA/ and, for each case, config.yaml,
initial_state.safetensors, expected.jsonl (one line for each step), final_state.safetensors and phases.json. Needs torch
and transformers 4.46.3; takes no arguments.
"""
import json
import math
import pathlib
import random

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

HERE = pathlib.Path(__file__).parent / "schedule"
WORDS = "a cat dog sees the bird old runs".split()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
TARGETS = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
           "intermediate.dense", "output.dense")
TRAIN_ROWS, DEV_ROWS = 22, 30

COMMON = dict(task="cola", method="sora", r=4, lora_alpha=8, shuffle=False, logging_steps=1,
              per_device_train_batch_size=4, max_grad_norm=1.0, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
              classifier_dropout=0, warmup_ratio=0.1, weight_decay=0.1, learning_rate=2e-2, sparse_lr=2e-2)
CASES = {
    "linear": dict(schedule="linear", xi=0.0, xi_max=3.0, xi_steps=4, num_train_epochs=8, phase_epochs=2, restart_lr=True,
                   proximal="exact", protocol="glue", optim="adamw_torch", load_best_model_at_end=True, sparse_lambda=0.0),
    "log_linear": dict(schedule="log_linear", xi=0.002, xi_max=0.02, xi_steps=3, num_train_epochs=6, phase_epochs=2,
                       restart_lr=False, proximal="released", protocol="paper", optim="adamw_hf",
                       load_best_model_at_end=False, sparse_lambda=0.5),
    "exp_linear": dict(schedule="exp_linear", xi=0.1, xi_max=2.5, xi_steps=3, num_train_epochs=6, phase_epochs=1.5,
                       restart_lr=True, proximal="released_lr", protocol="glue", optim="adamw_hf",
                       load_best_model_at_end=True, sparse_lambda=0.05),
}

SEEDS = {"linear": 3, "log_linear": 20, "exp_linear": 36}  # of the adapters; see main()


def thresholds(c):
    def linspace(a, b, n):
        return [a + (b - a) * i / (n - 1) for i in range(n)]
    f, inverse = {"linear": (lambda v: v, lambda v: v), "log_linear": (math.exp, math.log),
                  "exp_linear": (math.log, math.exp)}[c["schedule"]]
    return [inverse(v) for v in linspace(f(c["xi"]), f(c["xi_max"]), c["xi_steps"])]


def matthews(predictions, labels):
    tp = sum(p and l for p, l in zip(predictions, labels))
    tn = sum(not p and not l for p, l in zip(predictions, labels))
    fp, fn = sum(predictions) - tp, sum(labels) - tp
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0


def factor(step, warmup, length):
    return step / max(1, warmup) if step < warmup else max(0.0, (length - step) / max(1, length - warmup))


class Run:
    def __init__(self, config, model, adapters, train, dev):
        self.c, self.model, self.adapters = config, model, adapters
        self.train, self.dev = train, dev
        head = [n for n, _ in model.named_parameters() if "pooler" in n or "classifier" in n]
        for name, p in model.named_parameters():
            p.requires_grad_(config["protocol"] != "paper" and name in head)
        self.main = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.gates = {}
        for module, (a, b, gate) in adapters.items():
            self.main[f"{module}.lora_A.weight"], self.main[f"{module}.lora_B.weight"] = a, b
            self.gates[f"{module}.gate"] = gate
        self.everything = {**self.main, **self.gates}
        self.head = {n: p for n, p in model.named_parameters() if n in head}
        self.moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in self.everything.items()}
        self.updates, self.log = 0, []

    def forward(self, rows):
        return torch.stack([self.model(torch.tensor([ids])).logits[0] for ids, _ in rows])

    def metric(self, rows):
        with torch.no_grad():
            logits = self.forward(rows)
        self.margin = min(self.margin, float((logits[:, 0] - logits[:, 1]).abs().min()))
        return matthews(logits.argmax(1).tolist(), [label for _, label in rows])

    def adamw(self, name, p, rate, epsilon, decay):
        m, v = self.moments[name]
        m.mul_(0.9).add_(p.grad, alpha=0.1)
        v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
        t, hf = self.updates + 1, self.c["optim"] == "adamw_hf"
        correction1, correction2 = 1 - 0.9 ** t, 1 - 0.999 ** t
        if hf:
            p.sub_(rate * math.sqrt(correction2) / correction1 * m / (v.sqrt() + epsilon))
            p.sub_(rate * decay * p)
        else:
            p.sub_(rate * decay * p)
            p.sub_(rate / correction1 * m / ((v / correction2).sqrt() + epsilon))

    def proximal(self, g, rate, xi):
        kind = self.c["proximal"]
        t = xi if kind == "released" else rate * xi
        if kind == "exact":
            g.copy_(torch.sign(g) * torch.clamp(g.abs() - t, min=0))
        elif t > 0:
            g[g > t] -= t
            g[g < -t] += t
            g[g.abs() < t] = 0

    def step(self, rows, rate, gate_rate, xi, phase):
        for p in self.everything.values():
            p.grad = None
        loss = torch.nn.functional.cross_entropy(self.forward(rows), torch.tensor([label for _, label in rows]))
        entries = sum(g.numel() for g in self.gates.values())
        absolute = torch.cat([g.abs() for g in self.gates.values()]).sum()
        penalty = self.c["sparse_lambda"] * absolute / entries
        (loss + penalty).backward()
        norm = math.sqrt(sum(float((p.grad ** 2).sum()) for p in self.everything.values()))
        with torch.no_grad():
            for p in self.everything.values():
                p.grad.mul_(min(1.0, self.c["max_grad_norm"] / (norm + 1e-6)))
            for name, p in self.main.items():
                plain = name.endswith("bias") or "LayerNorm" in name
                self.adamw(name, p, rate, 1e-8, 0 if plain else self.c["weight_decay"])
            for name, g in self.gates.items():
                self.adamw(name, g, gate_rate, 1e-6, 0)
                self.proximal(g, gate_rate, xi)
        self.updates += 1
        zero = sum(int((g == 0).sum()) for g in self.gates.values())
        self.log.append(dict(step=self.updates, phase=phase, xi=xi, loss=loss.item(), regularizer=penalty.item(),
                             learning_rate=rate, grad_norm=norm, gates_zero=zero))

    def run(self):
        c, size = self.c, self.c["per_device_train_batch_size"]
        batches = [self.train[i:i + size] for i in range(0, len(self.train), size)]
        self.margin, phases = math.inf, []
        for phase, xi in enumerate(thresholds(c)):
            epochs = c["num_train_epochs"] if phase == 0 else c["phase_epochs"]
            steps = math.ceil(epochs * len(batches))
            length = int(epochs * len(self.train) / size) if c["protocol"] == "paper" else steps
            warm = c["warmup_ratio"] * length
            gate_warm = math.floor(warm) if c["protocol"] == "paper" else math.ceil(warm)
            rates_on = phase == 0 or c["restart_lr"]
            best, validation = None, None
            for step in range(steps):
                on = 1.0 if rates_on else 0.0
                self.step(batches[step % len(batches)], on * c["learning_rate"] * factor(step, math.ceil(warm), length),
                          on * c["sparse_lr"] * factor(step, gate_warm, length), xi, phase)
                if (step + 1) % len(batches) and step + 1 < steps:
                    continue
                validation = self.metric(self.dev)
                if phase == 0 and (best is None or validation > best[0]):
                    best = validation, self.updates, {n: p.detach().clone() for n, p in self.everything.items()}
            if phase == 0 and c["load_best_model_at_end"]:
                validation = best[0]
                with torch.no_grad():
                    for n, p in self.everything.items():
                        p.copy_(best[2][n])
            kept = [int((g != 0).sum()) for g in self.gates.values()]
            stored = sum(k * (a.shape[1] + b.shape[0]) for k, (a, b, _) in zip(kept, self.adapters.values()))
            train = self.metric(self.train)
            phases.append(dict(phase=phase, xi=xi, last_step=self.updates, gates_kept=sum(kept),
                               stored_parameters=stored, train=train, validation=validation))
            if phase == 0:
                first, best_step = phases[0], best[1]
        for p in phases:
            assert first["train"] and first["validation"], (phases, self.log[-1])
            p["memorization"] = 100 * p["train"] / first["train"]
            p["generalization"] = 100 * p["validation"] / first["validation"]
            p["on_front"] = not any(
                q["stored_parameters"] <= p["stored_parameters"] and q["validation"] >= p["validation"] and
                (q["stored_parameters"], q["validation"]) != (p["stored_parameters"], p["validation"]) for q in phases)
        return dict(best_step=best_step, closest_margin=self.margin, phases=phases)


def make_rows(count, rng):
    rows = []
    while len(rows) < count:
        words = [rng.choice(WORDS) for _ in range(rng.randint(2, 7))]
        label = int(("cat" in words) != (words[0] == "the" and rng.random() < 0.3))
        rows.append((words, label))
    return rows


def write_rows(name, rows):
    text = "".join(f"tiny\t{label}\t\t{' '.join(words)}\n" for words, label in rows)
    (HERE / "CoLA" / name).write_text(text)


def ids_of(rows):
    return [([2] + [VOCABULARY.index(w) for w in words] + [3], label) for words, label in rows]


def randperm(n, seed):
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()


def main():
    rng = random.Random(7)
    train, dev = make_rows(TRAIN_ROWS, rng), make_rows(DEV_ROWS, rng)
    (HERE / "CoLA").mkdir(parents=True, exist_ok=True)
    write_rows("train.tsv", train)
    write_rows("dev.tsv", dev)

    torch.manual_seed(3)
    settings = BertConfig(vocab_size=len(VOCABULARY), hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                          intermediate_size=12, max_position_embeddings=128, num_labels=2, hidden_dropout_prob=0,
                          attention_probs_dropout_prob=0)
    settings._attn_implementation = "eager"
    model = BertForSequenceClassification(settings).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, 0.35)
            if "LayerNorm.weight" in name:
                p.add_(1)
    (HERE / "model").mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, HERE / "model" / "model.safetensors",
              {"format": "pt"})
    (HERE / "model" / "config.json").write_text(
        json.dumps(dict(json.loads(settings.to_json_string()), model_type="bert"), indent=1, sort_keys=True) + "\n")
    (HERE / "model" / "vocab.txt").write_text("".join(w + "\n" for w in VOCABULARY))
    weights = {k: v.clone() for k, v in model.state_dict().items()}

    for case, settings in CASES.items():
        config = dict(COMMON, **settings)
        model.load_state_dict(weights)
        model.double()
        torch.manual_seed(SEEDS[case])
        adapters, hooks = {}, []
        for name, module in model.named_modules():
            if "encoder.layer." not in name or not name.endswith(TARGETS):
                continue
            rank, scale = config["r"], config["lora_alpha"] / config["r"]
            a = torch.randn(rank, module.in_features).mul(0.3).double().requires_grad_()
            b = torch.randn(module.out_features, rank).mul(0.2).double().requires_grad_()
            gate = torch.randn(rank).mul(0.4).double().requires_grad_()
            a, b, gate = (t.detach().float().double().requires_grad_() for t in (a, b, gate))
            adapters[name] = a, b, gate

            def hook(_, inputs, y, a=a, b=b, gate=gate, scale=scale):
                return y + scale * ((inputs[0] @ a.T) * gate) @ b.T
            hooks.append(module.register_forward_hook(hook))

        rows, dev_rows = ids_of(train), ids_of(dev)
        if config["protocol"] == "paper":  # the first half of dev's seed-42 permutation
            dev_rows = [dev_rows[i] for i in randperm(len(dev_rows), 42)[:len(dev_rows) // 2]]
        run = Run(config, model, adapters, rows, dev_rows)
        folder = HERE / case
        folder.mkdir(exist_ok=True)

        def state():
            kept = {**run.head, **run.everything}
            return {n: p.detach().float().contiguous() for n, p in kept.items()}
        save_file(state(), folder / "initial_state.safetensors")
        summary = run.run()
        save_file(state(), folder / "final_state.safetensors")
        (folder / "config.yaml").write_text("".join(f"{k}: {str(v).lower() if isinstance(v, bool) else v}\n"
                                                    for k, v in config.items()))
        (folder / "expected.jsonl").write_text("".join(json.dumps(e) + "\n" for e in run.log))
        (folder / "phases.json").write_text(json.dumps(summary, indent=1) + "\n")
        for handle in hooks:
            handle.remove()
        model.float()
        print(case, [(p["gates_kept"], round(p["train"], 3), round(p["validation"], 3), p["on_front"])
                     for p in summary["phases"]], "best", summary["best_step"], "margin", summary["closest_margin"],
              "zero", [e["gates_zero"] for e in run.log][-3:])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

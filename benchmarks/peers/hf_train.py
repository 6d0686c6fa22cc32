"""The peer: the same training steps in PyTorch and transformers, as run_glue.py and the SoRA code do them.

    hf_train.py MODEL_DIR TASK TRAIN_TSV STEPS [--batch 8] [--max-length 128] [--pad-to-max] [--method sora|lora|full|none]
                [--r 8] [--threads 2] [--bf16] [--compile] [--eval]

Prints one JSON object: milliseconds of each step, real tokens of each step, peak memory, versions. Dynamic padding to
the longest row of the batch, rows in file order, dropout on, AdamW, clipping; gated low-rank deltas on all six Linears
of every layer. --eval: forward passes only.
"""
import argparse, json, math, resource, time


class LowRank:
    """Adds scale * ((x A^T) * gate) B^T to a Linear's output, as the SoRA code's parallel delta does."""

    def __init__(self, torch, linear, r, gated):
        nn = torch.nn
        self.a = nn.Parameter(torch.empty(r, linear.in_features).uniform_(-1, 1) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, r))
        self.gate = nn.Parameter(torch.randn(1, r)) if gated else None
        self.scale = 16 / r
        linear.register_parameter("lora_A", self.a)
        linear.register_parameter("lora_B", self.b)
        if gated:
            linear.register_parameter("gate", self.gate)
        original = linear.forward

        def forward(x):
            u = x @ self.a.T
            if self.gate is not None:
                u = u * self.gate
            return original(x) + (u @ self.b.T) * self.scale

        linear.forward = forward


def read_rows(task, path):
    columns = dict(cola=(3,), sst2=(0,), mrpc=(3, 4), stsb=(7, 8), rte=(1, 2), qnli=(1, 2), wnli=(1, 2))[task]
    lines = open(path, encoding="utf-8-sig", newline="\n").read().split("\n")
    rows = [line.rstrip("\r").split("\t") for line in lines[0 if task == "cola" else 1:] if line]
    return [tuple(row[c] for c in columns) for row in rows if len(row) > max(columns)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("task"), p.add_argument("tsv"), p.add_argument("steps", type=int)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--max-length", type=int, default=128)
    p.add_argument("--pad-to-max", action="store_true")
    p.add_argument("--method", default="sora")
    p.add_argument("--r", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    for flag in ("--bf16", "--compile", "--eval"):
        p.add_argument(flag, action="store_true")
    a = p.parse_args()

    start = time.perf_counter()
    import torch, transformers
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    labels = 1 if a.task == "stsb" else 2
    model = transformers.AutoModelForSequenceClassification.from_pretrained(a.model, num_labels=labels)
    deberta = model.config.model_type == "deberta-v2"
    tokenizer = (transformers.DebertaV2Tokenizer if deberta else transformers.RobertaTokenizerFast).from_pretrained(a.model)
    if a.method in ("sora", "lora"):
        for q in model.parameters():
            q.requires_grad_(False)
        for name, module in model.named_modules():
            if ".encoder.layer." in name and isinstance(module, torch.nn.Linear):
                LowRank(torch, module, a.r, a.method == "sora")
        for name, q in model.named_parameters():
            if name.startswith(("pooler", "classifier")):
                q.requires_grad_(True)
    trainable = [q for q in model.parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=8e-4, weight_decay=0.1)
    run = torch.compile(model) if a.compile else model
    model.train(not a.eval)
    rows = read_rows(a.task, a.tsv)
    times, tokens = [], []
    first_step = None
    for step in range(a.steps):
        batch = rows[step * a.batch % len(rows):][:a.batch]
        began = time.perf_counter()
        x = tokenizer(*(list(c) for c in zip(*batch)), truncation=True, max_length=a.max_length, return_tensors="pt",
                      padding="max_length" if a.pad_to_max else True)
        y = torch.zeros(len(batch)) if labels == 1 else torch.zeros(len(batch), dtype=torch.long)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16), torch.set_grad_enabled(not a.eval):
            loss = run(**x, labels=y).loss
        if not a.eval:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, 0.1)
            optimizer.step()
            optimizer.zero_grad()
        times.append((time.perf_counter() - began) * 1e3)
        tokens.append(int(x["attention_mask"].sum()))
        first_step = first_step or time.perf_counter() - start
    print(json.dumps(dict(ms=times, tokens=tokens, first_step_seconds=first_step,
                          peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                          torch=torch.__version__, transformers=transformers.__version__)))


if __name__ == "__main__":
    main()

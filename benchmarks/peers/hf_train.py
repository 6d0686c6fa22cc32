"""The peer: the same training steps in PyTorch, transformers and peft, as run_glue.py and the SoRA code do them.

    hf_train.py MODEL_DIR TASK TSV STEPS [--batch 8] [--max-length 128] [--pad-to-max] [--method sora|lora|adalora|full]
                [--r 8] [--threads N] [--bf16] [--compile] [--disentangled-flash] [--evaluation]

Prints one JSON object: milliseconds of each step, real tokens of each step, seconds to the first step. Dynamic padding to
the longest row of the batch, rows in file order, dropout on, AdamW, clipping; low-rank deltas on all six Linears of every
layer, a trained head. --evaluation: forward passes over all rows. --disentangled-flash: attention by that package's
PyTorch backend.
"""
import argparse, json, math, os, pathlib, time

TARGETS = r".*encoder\.layer\..*(query|key|value|query_proj|key_proj|value_proj|dense)"


def seconds_since_start():
    ticks = float(pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class GatedLowRank:
    """Adds scale * ((x A^T) * gate) B^T to a Linear's output, as the SoRA code's parallel delta does."""

    def __init__(self, torch, linear, r):
        nn = torch.nn
        a = nn.Parameter(torch.empty(r, linear.in_features).uniform_(-1, 1) / math.sqrt(linear.in_features))
        b = nn.Parameter(torch.zeros(linear.out_features, r))
        gate = nn.Parameter(torch.randn(1, r))
        for name, parameter in (("lora_A", a), ("lora_B", b), ("gate", gate)):
            linear.register_parameter(name, parameter)
        original, scale = linear.forward, 16 / r
        linear.forward = lambda x: original(x) + (((x @ a.T) * gate) @ b.T) * scale


def with_method(torch, model, a):
    """The model with the method's parameters trainable, and what to call after each optimizer step."""
    if a.method == "full":
        return model, lambda step: None
    if a.method == "sora":
        for q in model.parameters():
            q.requires_grad_(False)
        for name, module in model.named_modules():
            if ".encoder.layer." in name and isinstance(module, torch.nn.Linear):
                GatedLowRank(torch, module, a.r)
        for name, q in model.named_parameters():
            if name.startswith(("pooler", "classifier")):
                q.requires_grad_(True)
        return model, lambda step: None
    import peft
    common = dict(task_type="SEQ_CLS", target_modules=TARGETS, lora_alpha=16, lora_dropout=0.0,
                  modules_to_save=["classifier", "pooler"])
    if a.method == "lora":
        return peft.get_peft_model(model, peft.LoraConfig(r=a.r, **common)), lambda step: None
    config = peft.AdaLoraConfig(init_r=12, target_r=8, total_step=max(a.steps, 2), **common)
    model = peft.get_peft_model(model, config)
    return model, model.base_model.update_and_allocate


def use_disentangled_flash(model):
    from disentangled_flash import optimize_deberta_training
    from disentangled_flash._torch import TorchTrainingDisentangledSelfAttention as Attention
    optimize_deberta_training(model.deberta, backend="torch")
    # It multiplies by the three weights at once and so would drop what is attached to the modules: call them instead.
    Attention._project_qkv = lambda self, x: (self.query_proj(x), self.key_proj(x), self.value_proj(x))


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
    p.add_argument("--method", default="sora", choices=("sora", "lora", "adalora", "full"))
    p.add_argument("--r", type=int, default=8)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    for flag in ("--pad-to-max", "--bf16", "--compile", "--disentangled-flash", "--evaluation"):
        p.add_argument(flag, action="store_true")
    a = p.parse_args()

    import torch, transformers
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    # transformers 5 loads a model in the type that it is stored in.
    model = transformers.AutoModelForSequenceClassification.from_pretrained(a.model, num_labels=2).float()
    deberta = model.config.model_type == "deberta-v2"
    tokenizer = (transformers.DebertaV2Tokenizer if deberta else transformers.RobertaTokenizerFast).from_pretrained(a.model)
    if a.disentangled_flash:
        use_disentangled_flash(model)
    after_step = lambda step: None
    if not a.evaluation:
        model, after_step = with_method(torch, model, a)
    model.to(a.device)
    trainable = [q for q in model.parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=8e-4, weight_decay=0.1)
    run = torch.compile(model, dynamic=True) if a.compile else model
    model.train(not a.evaluation)
    rows = read_rows(a.task, a.tsv)
    steps = -(-len(rows) // a.batch) if a.evaluation else a.steps
    times, tokens = [], []
    first_step = None
    for step in range(steps):
        batch = rows[step * a.batch % len(rows):][:a.batch]
        began = time.perf_counter()
        x = tokenizer(*(list(c) for c in zip(*batch)), truncation=True, max_length=a.max_length, return_tensors="pt",
                      padding="max_length" if a.pad_to_max else True)
        if a.device == "cuda":
            began = time.perf_counter()  # a loader's other processes would have made the batch meanwhile
        x, y = x.to(a.device), torch.zeros(len(batch), dtype=torch.long, device=a.device)
        with torch.autocast(a.device, torch.bfloat16, enabled=a.bf16), torch.set_grad_enabled(not a.evaluation):
            loss = run(**x, labels=y).loss
        if not a.evaluation:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, 0.1)
            optimizer.step()
            after_step(step)
            optimizer.zero_grad()
        if a.device == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - began) * 1e3)
        tokens.append(int(x["attention_mask"].sum()))
        first_step = first_step or seconds_since_start()
    peak = torch.cuda.max_memory_allocated() / 2**20 if a.device == "cuda" else None
    print(json.dumps(dict(peak_mib=peak, ms=times, tokens=tokens, first_step_seconds=first_step)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

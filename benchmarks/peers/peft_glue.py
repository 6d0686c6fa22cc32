"""Fine-tunes on MRPC or STS-B with transformers and peft, in the settings of train/recipes/minilm.yaml.

    peft_glue.py MODEL_FOLDER GLUE_FOLDER mrpc|stsb lora|full --learning-rate 2e-3 --steps 240 [--seed 0]

One JSON line: validation metrics and seconds. LoRA: r 8, alpha 16, all six Linears of a layer, pooler and classifier
trained. Needs torch, transformers, peft, scipy and scikit-learn.
"""
import argparse, json, pathlib, time

COLUMNS = dict(mrpc=("MRPC", 3, 4, 0), stsb=("STS-B", 7, 8, 9))
TARGETS = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]


def read(glue, task, split):
    folder, a, b, label = COLUMNS[task]
    lines = (pathlib.Path(glue) / folder / f"{split}.tsv").read_text("utf-8-sig").split("\n")[1:]
    rows = [line.rstrip("\r").split("\t") for line in lines if line]
    return [(row[a], row[b], float(row[label])) for row in rows if len(row) > max(a, b, label)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("glue"), p.add_argument("task", choices=COLUMNS), p.add_argument("method", choices=["lora", "full"])
    p.add_argument("--learning-rate", type=float, required=True), p.add_argument("--steps", type=int, required=True)
    p.add_argument("--seed", type=int, default=0), p.add_argument("--batch", type=int, default=8), p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()

    import peft, scipy.stats, sklearn.metrics, torch, transformers
    torch.set_num_threads(a.threads)
    transformers.set_seed(a.seed)
    transformers.logging.set_verbosity_error()
    labels = 1 if a.task == "stsb" else 2
    model = transformers.AutoModelForSequenceClassification.from_pretrained(a.model, num_labels=labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(a.model)
    if a.method == "lora":
        model = peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=TARGETS,
                                                           modules_to_save=["pooler", "classifier"]))
    decayed = lambda name: not name.endswith("bias") and "LayerNorm" not in name
    trained = [(n, q) for n, q in model.named_parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW([dict(params=[q for n, q in trained if decayed(n)], weight_decay=0.01),
                                   dict(params=[q for n, q in trained if not decayed(n)], weight_decay=0)], lr=a.learning_rate)
    warm_up = -(-6 * a.steps // 100)
    scheduler = transformers.get_linear_schedule_with_warmup(optimizer, warm_up, a.steps)

    def encode(rows):
        x = tokenizer([r[0] for r in rows], [r[1] for r in rows], truncation=True, max_length=128, padding=True, return_tensors="pt")
        y = torch.tensor([r[2] for r in rows])
        return x, y if labels == 1 else y.long()

    start = time.perf_counter()
    rows, order = read(a.glue, a.task, "train"), []
    model.train()
    for _ in range(a.steps):
        if len(order) < a.batch:
            order = torch.randperm(len(rows)).tolist()
        batch, order = order[:a.batch], order[a.batch:]
        x, y = encode([rows[i] for i in batch])
        model(**x, labels=y).loss.backward()
        torch.nn.utils.clip_grad_norm_([q for _, q in trained], 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    trained_seconds = time.perf_counter() - start

    model.eval()
    rows, logits = read(a.glue, a.task, "dev"), []
    with torch.no_grad():
        for i in range(0, len(rows), 64):
            logits.append(model(**encode(rows[i:i + 64])[0]).logits)
    logits = torch.cat(logits).numpy()
    truth = [r[2] for r in rows]
    if labels == 1:
        metrics = dict(pearson=float(scipy.stats.pearsonr(logits[:, 0], truth)[0]))
    else:
        guess = logits.argmax(1)
        metrics = dict(accuracy=float((guess == truth).mean()), f1=float(sklearn.metrics.f1_score(truth, guess)))
    print(json.dumps(dict(task=a.task, method=a.method, seed=a.seed, steps=a.steps, learning_rate=a.learning_rate, **metrics,
                          train_seconds=round(trained_seconds, 1), peft=peft.__version__, torch=torch.__version__)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

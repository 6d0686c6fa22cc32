"""Fine-tunes on MRPC, STS-B or CoLA with transformers and peft, in the settings of a recipe of train/recipes.

    peft_glue.py MODEL_FOLDER GLUE_FOLDER mrpc|stsb|cola lora|full --learning-rate 2e-3 --steps 240 [--seed 0]
        minilm.yaml: the scores are of all of dev, after the last step
    peft_glue.py ... --batch 16 --halves
        pico_main_table.yaml: one half of dev chooses the step, the scores are of the other

One JSON line: scores and seconds. LoRA: r 8, alpha 16, all six Linears of a layer, pooler and classifier trained. Needs
torch, transformers, peft, scipy, scikit-learn and, for DeBERTa, sentencepiece and protobuf.
"""
import argparse, json, pathlib, time

COLUMNS = dict(mrpc=("MRPC", 3, 4, 0), stsb=("STS-B", 7, 8, 9), cola=("CoLA", 3, None, 1))  # first text, second, label
TARGETS = ["query", "key", "value", "query_proj", "key_proj", "value_proj",  # BERT's and RoBERTa's names, DeBERTa's
           "attention.output.dense", "intermediate.dense", "output.dense"]
EVAL_STEPS = 200


def read(glue, task, split):
    folder, a, b, label = COLUMNS[task]
    lines = (pathlib.Path(glue) / folder / f"{split}.tsv").read_text("utf-8-sig").split("\n")
    named = task != "cola"  # CoLA's files have no line of column names
    rows = [line.rstrip("\r").split("\t") for line in lines[named:] if line]
    return [(row[a], row[b] if b else None, float(row[label])) for row in rows if len(row) > max(a, b or 0, label)]


def halves(rows):
    """The two halves of a dev set in soragrad's protocol `paper`: the first chooses the step, the second is reported."""
    import torch
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(42)).tolist()
    middle = len(rows) // 2
    return [rows[i] for i in order[:middle]], [rows[i] for i in order[middle:]]


def scores(task, logits, truth):
    import scipy.stats, sklearn.metrics
    if task == "stsb":
        return dict(pearson=float(scipy.stats.pearsonr(logits[:, 0], truth)[0]))
    guess = logits.argmax(1)
    if task == "cola":
        return dict(matthews=float(sklearn.metrics.matthews_corrcoef(truth, guess)))
    return dict(accuracy=float((guess == truth).mean()), f1=float(sklearn.metrics.f1_score(truth, guess)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("glue"), p.add_argument("task", choices=COLUMNS), p.add_argument("method", choices=["lora", "full"])
    p.add_argument("--learning-rate", type=float, required=True), p.add_argument("--steps", type=int, required=True)
    p.add_argument("--seed", type=int, default=0), p.add_argument("--batch", type=int, default=8), p.add_argument("--threads", type=int, default=1)
    p.add_argument("--halves", action="store_true")
    a = p.parse_args()

    import peft, torch, transformers
    torch.set_num_threads(a.threads)
    transformers.set_seed(a.seed)
    transformers.logging.set_verbosity_error()
    labels = 1 if a.task == "stsb" else 2
    model = transformers.AutoModelForSequenceClassification.from_pretrained(a.model, num_labels=labels, torch_dtype=torch.float32)
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
        second = [r[1] for r in rows] if rows[0][1] is not None else None
        x = tokenizer([r[0] for r in rows], second, truncation=True, max_length=128, padding=True, return_tensors="pt")
        y = torch.tensor([r[2] for r in rows])
        return x, y if labels == 1 else y.long()

    def evaluate(rows):
        model.eval()
        with torch.no_grad():
            logits = torch.cat([model(**encode(rows[i:i + 64])[0]).logits for i in range(0, len(rows), 64)])
        model.train()
        return scores(a.task, logits.numpy(), [r[2] for r in rows])

    dev = read(a.glue, a.task, "dev")
    chooses, reported = halves(dev) if a.halves else ([], dev)
    best = (float("-inf"),)  # score of the half that chooses, step, scores of the other half
    rows, order, seconds = read(a.glue, a.task, "train"), [], 0.0
    model.train()
    for step in range(1, a.steps + 1):
        start = time.perf_counter()
        if len(order) < a.batch:
            order = torch.randperm(len(rows)).tolist()
        batch, order = order[:a.batch], order[a.batch:]
        x, y = encode([rows[i] for i in batch])
        model(**x, labels=y).loss.backward()
        torch.nn.utils.clip_grad_norm_([q for _, q in trained], 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        seconds += time.perf_counter() - start
        if a.halves and (step % EVAL_STEPS == 0 or step == a.steps):
            chosen_by = list(evaluate(chooses).values())[-1]  # F1 where there are two, as soragrad
            if chosen_by > best[0]:
                best = (chosen_by, step, evaluate(reported))
    result = dict(best[2], chosen_by=best[0], best_step=best[1]) if a.halves else evaluate(reported)
    print(json.dumps(dict(task=a.task, method=a.method, seed=a.seed, steps=a.steps, learning_rate=a.learning_rate, **result,
                          train_seconds=round(seconds, 1), peft=peft.__version__, torch=torch.__version__)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

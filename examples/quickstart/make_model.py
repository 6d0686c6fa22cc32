#!/usr/bin/env python3
"""Makes the quickstart's base model: a small DeBERTaV3 that has read acceptable sentences only.

Usage: make_model.py [FOLDER]      default: model beside it
Needs torch, transformers 4.46, sentencepiece, safetensors; takes about five minutes on one core.

The tokenizer is a SentencePiece unigram model with the special pieces where DeBERTaV3 has them.
The network is pre-trained as DeBERTaV3 was, by detecting replaced tokens: a smaller generator
learns to fill masked positions (masked language modelling), and the network tells which tokens of
the filled sentence are not the original's. Sentences come from the grammar; pairings of subject and
predicate that belong to dev or test are left out, and so is every sentence of the quickstart's
data. Stored is the backbone alone, in fp16 as the published DeBERTaV3 is: no head for any task.
"""

import io
import json
import math
import pathlib
import sys

import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import DebertaV2Config, DebertaV2ForMaskedLM, DebertaV2Model

from grammar import Draw, sentence
from make_data import all_splits

SEED = 7
SENTENCES = 60000
PIECES = 600
STEPS, BATCH, RATE, WARMUP = 1600, 96, 2e-3, 120
MASKED = 0.2  # of the tokens; 0.15 would leave short sentences with hardly any
DETECTION = 10.0  # weight of the detector's loss beside the generator's
CONFIG = {
    "model_type": "deberta-v2",
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "max_position_embeddings": 128,
    "relative_attention": True,
    "position_buckets": 32,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "layer_norm_eps": 1e-7,
    "max_relative_positions": -1,
    "position_biased_input": False,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "type_vocab_size": 0,
    "vocab_size": PIECES + 4,  # [MASK] follows the pieces, as in DeBERTaV3; the rest is unused
}
# What differs in the generator.
GENERATOR = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2}
PAD, CLS, SEP, UNK, MASK = 0, 1, 2, 3, PIECES


def corpus():
    seen = {text for rows in all_splits().values() for _, _, text in rows}
    d, texts = Draw(SEED), []
    while len(texts) < SENTENCES:
        _, text = sentence(d, "train", acceptable=True)
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return texts


def train_tokenizer(texts, path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="unigram", vocab_size=PIECES,
        byte_fallback=True, normalization_rule_name="nmt_nfkc", character_coverage=1.0,
        required_chars="".join(map(chr, range(ord("!"), ord("~") + 1))), num_threads=1,
        pad_id=PAD, bos_id=CLS, eos_id=SEP, unk_id=UNK, pad_piece="[PAD]", bos_piece="[CLS]",
        eos_piece="[SEP]", unk_piece="[UNK]", minloglevel=1)
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def batches(rows):
    """Batches without end of rows of like length, in a new order each time round, padded."""
    while True:
        order = sorted(torch.randperm(len(rows)).tolist(), key=lambda i: len(rows[i]))
        chunks = [order[i:i + BATCH] for i in range(0, len(order), BATCH)]
        for chunk in torch.randperm(len(chunks)).tolist():
            yield torch.nn.utils.rnn.pad_sequence([rows[i] for i in chunks[chunk]],
                                                  batch_first=True, padding_value=PAD)


def rate(step):
    warm = min(1.0, (step + 1) / WARMUP)
    return warm * 0.5 * (1 + math.cos(math.pi * step / STEPS))


class Detector(torch.nn.Module):
    """The backbone, and for every token the logit of being a replacement."""

    def __init__(self, config):
        super().__init__()
        self.deberta = DebertaV2Model(config)
        self.dense = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = torch.nn.Linear(config.hidden_size, 1)

    def forward(self, ids, attention):
        hidden = self.deberta(input_ids=ids, attention_mask=attention).last_hidden_state
        return self.classifier(torch.nn.functional.gelu(self.dense(hidden))).squeeze(-1)


def pretrain(rows):
    generator = DebertaV2ForMaskedLM(DebertaV2Config(**{**CONFIG, **GENERATOR})).train()
    detector = Detector(DebertaV2Config(**CONFIG)).train()
    parameters = [*generator.parameters(), *detector.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    for step, ids in zip(range(STEPS), batches(rows)):
        attention = (ids != PAD).long()
        chosen = (torch.rand(ids.shape) < MASKED) & (ids > UNK)
        filled = generator(input_ids=torch.where(chosen, MASK, ids), attention_mask=attention,
                           labels=torch.where(chosen, ids, -100))
        with torch.no_grad():
            guess = torch.distributions.Categorical(logits=filled.logits[chosen]).sample()
        corrupted = ids.clone()
        corrupted[chosen] = guess
        logits = detector(corrupted, attention)
        real = attention.bool()
        detection = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[real], (corrupted != ids)[real].float())
        optimizer.zero_grad()
        (filled.loss + DETECTION * detection).backward()
        torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step} generator {filled.loss.item():.3f} detector {detection.item():.3f}",
                  file=sys.stderr)
    return detector


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "model"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the same sums in the same order everywhere
    texts = corpus()
    tokenizer = train_tokenizer(texts, folder / "spm.model")
    rows = [torch.tensor([CLS] + ids + [SEP]) for ids in tokenizer.encode(texts)]
    weights = pretrain(rows).state_dict()
    backbone = {name: tensor.half().contiguous() for name, tensor in weights.items()
                if name.startswith("deberta.")}
    save_file(backbone, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    settings = {"do_lower_case": False, "vocab_type": "spm"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings) + "\n")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

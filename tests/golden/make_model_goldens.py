"""Makes tests/golden/models: tiny models with random weights, and the results of Hugging Face for them in float64.

Each folder is a model folder (config.json, model.safetensors in F32) with expected.safetensors beside it: input_ids,
offsets, token_type_ids, labels (I64, or scores in F64), logits, loss and grad.PARAMETER in F64. Needs transformers
4.46.3 and torch; takes no arguments. Head sizes are chosen so that DeBERTa's scale, a float32 square root in Hugging Face, is exact.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (BertConfig, BertForSequenceClassification, DebertaV2Config,
                          DebertaV2ForSequenceClassification, RobertaConfig,
                          RobertaForSequenceClassification)

SIZES = dict(vocab_size=18, intermediate_size=7)
DEBERTA = dict(SIZES, model_type="deberta-v2", relative_attention=True, share_att_key=True,
               position_biased_input=False, norm_rel_ebd="layer_norm", max_relative_positions=-1,
               type_vocab_size=0, pad_token_id=0)
BOTH = dict(hidden_size=9, num_attention_heads=3)  # sqrt(3 * 3) is exact
ONE = dict(hidden_size=8, num_attention_heads=4)   # sqrt(2 * 2) is exact

CASES = {
    # 8 buckets over 16 positions: sequences of 27 tokens reach the cut table ends.
    "deberta_buckets": dict(DEBERTA, **BOTH, num_hidden_layers=2, position_buckets=8,
                            max_position_embeddings=16, pos_att_type="p2c|c2p", num_labels=3),
    "deberta_c2p": dict(DEBERTA, **ONE, num_hidden_layers=1, position_buckets=4,
                        max_position_embeddings=12, pos_att_type=["c2p"], hidden_act="gelu_new"),
    "deberta_p2c": dict(DEBERTA, **ONE, num_hidden_layers=1, position_buckets=7,
                        max_position_embeddings=32, pos_att_type=["p2c"], num_labels=1,
                        pooler_hidden_act="tanh"),
    "deberta_no_buckets": dict(DEBERTA, **BOTH, num_hidden_layers=1, position_buckets=-1,
                               max_position_embeddings=10, pos_att_type=["p2c", "c2p"]),
    "roberta": dict(SIZES, hidden_size=8, num_attention_heads=2, model_type="roberta",
                    num_hidden_layers=1, max_position_embeddings=32, type_vocab_size=1,
                    pad_token_id=1),
    "bert": dict(SIZES, hidden_size=8, num_attention_heads=2, model_type="bert",
                 num_hidden_layers=1, max_position_embeddings=27, type_vocab_size=2,
                 hidden_act="relu", num_labels=3),
}
CLASSES = {
    "deberta-v2": (DebertaV2Config, DebertaV2ForSequenceClassification),
    "roberta": (RobertaConfig, RobertaForSequenceClassification),
    "bert": (BertConfig, BertForSequenceClassification),
}
LENGTHS = [5, 1, 27, 12]  # tokens of each sequence


def make(folder, settings, seed):
    torch.manual_seed(seed)
    settings = dict(settings)
    config_class, model_class = CLASSES[settings.pop("model_type")]
    config = config_class(**settings)
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.4)
            if "LayerNorm.weight" in name:
                parameter.add_(1)
    model.double()

    sequences = [torch.randint(2, config.vocab_size, (n,)) for n in LENGTHS]
    sequences[3][4] = config.pad_token_id  # typed in the text: an ordinary token without gradient
    types = [(torch.arange(n) > n // 2).long() for n in LENGTHS]
    regression = config.num_labels == 1
    labels = torch.rand(4).double() * 5 if regression else torch.randint(0, config.num_labels, (4,))
    logits = []
    for ids, type_ids in zip(sequences, types):
        extra = {"token_type_ids": type_ids[None]} if config.model_type == "bert" else {}
        logits.append(model(ids[None], attention_mask=torch.ones_like(ids)[None], **extra).logits[0])
    logits = torch.stack(logits)
    # Hugging Face's own loss casts the logits of DeBERTa to float32.
    loss = (torch.nn.functional.mse_loss(logits[:, 0], labels) if regression
            else torch.nn.functional.cross_entropy(logits, labels))
    loss.backward()

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.float().contiguous() for k, v in model.state_dict().items()},
              folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(
        json.dumps(dict(json.loads(config.to_json_string()), **settings), indent=1, sort_keys=True) + "\n")
    offsets = torch.tensor([0] + LENGTHS).cumsum(0)
    expected = {"input_ids": torch.cat(sequences), "offsets": offsets, "token_type_ids": torch.cat(types),
                "labels": labels, "logits": logits.detach(), "loss": loss.detach()}
    for name, parameter in model.named_parameters():
        grad = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        expected["grad." + name] = grad.contiguous()
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent / "models"
    for number, (name, settings) in enumerate(CASES.items()):
        make(here / name, settings, number)

# SPDX-License-Identifier: Apache-2.0

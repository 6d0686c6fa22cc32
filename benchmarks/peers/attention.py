"""The peer of attention alone: PyTorch's composition in transformers' DeBERTaV2, and PyTorch's fused plain attention.

    attention.py cpu|cuda [TOKENS]      TOKENS: tokens of a batch, 8192 by default

The same batches and the same output as benchmarks/gpu/attention_bench: sequences of one length, 12 heads of 64, dropout 0.1.
Projections are left out: identities replace them in transformers' module. Relative positions are made once, as the model
does for all its layers. bf16 is autocast's.
"""
import json, sys, time


def milliseconds(torch, device, call):
    """Of a call: the best of three turns of some 50 ms each."""
    def turn(calls):
        wait()
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        return (time.perf_counter() - begin) * 1e3 / calls

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    turn(1)
    calls = min(max(int(50 / turn(1)), 1), 1000)
    return min(turn(calls) for _ in range(3))


def disentangled(torch, sequences, length, device):
    """call(x, table), x (sequences, length, 768), and the table's rows."""
    from transformers import DebertaV2Config
    from transformers.models.deberta_v2 import modeling_deberta_v2 as deberta
    config = DebertaV2Config(hidden_size=768, num_attention_heads=12, num_hidden_layers=1, intermediate_size=768, vocab_size=8,
                             relative_attention=True, position_buckets=256, max_position_embeddings=512, share_att_key=True,
                             pos_att_type=["c2p", "p2c"], norm_rel_ebd="layer_norm", max_relative_positions=-1,
                             hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.1)
    attention = deberta.DisentangledSelfAttention(config).to(device)
    for name in ("query_proj", "key_proj", "value_proj"):
        setattr(attention, name, torch.nn.Identity())
    x = torch.zeros(sequences, length, 768, device=device)
    positions = deberta.DebertaV2Encoder(config).to(device).get_rel_pos(x)
    mask = torch.ones(sequences, 1, length, length, dtype=torch.bool, device=device)

    def call(x, table):
        return attention(x, mask, relative_pos=positions, rel_embeddings=table)[0]

    return call, 512


def plain(torch, sequences, length, device):
    def call(x, _):
        heads = x.view(sequences, length, 12, 64).transpose(1, 2)
        y = torch.nn.functional.scaled_dot_product_attention(heads, heads, heads, dropout_p=0.1)
        return y.transpose(1, 2).reshape(sequences, length, 768)

    return call, 1


def main():
    import torch
    device, tokens = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8192
    torch.manual_seed(0)
    results = []
    for length in (64, 128, 256, 512):
        for make in (disentangled, plain):
            call, rows = make(torch, tokens // length, length, device)
            x = torch.randn(tokens // length, length, 768, device=device, requires_grad=True)
            table = torch.randn(rows, 768, device=device, requires_grad=True)
            for bf16 in (False, True):
                def forward():
                    with torch.autocast(device, torch.bfloat16, enabled=bf16):
                        return call(x, table)

                y = forward()
                dy = torch.randn_like(y)

                def both():
                    x.grad = table.grad = None
                    forward().backward(dy)

                with torch.no_grad():
                    there = milliseconds(torch, device, forward)
                whole = milliseconds(torch, device, both)
                results.append(dict(length=length, kind=make.__name__, precision="bf16" if bf16 else "fp32",
                                    forward_ms=round(there, 4), backward_ms=round(whole - there, 4)))
    print(json.dumps(results))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0

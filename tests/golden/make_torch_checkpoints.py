"""Makes the checkpoints of tests/golden/checkpoint with PyTorch and safetensors.

state_zip.bin, state_legacy.bin, state_protocol4.bin: one state dict in torch's two forms, the zip
also with a younger pickle. Its tensors are tied, strided, expanded, empty, subnormal and of every
type. expected.safetensors: the same numbers, dense, written by the reference implementation.
compressed.bin: the zip form deflated by another tool. code.bin: a pickle that would run a function.

Usage: python make_torch_checkpoints.py FOLDER   (torch 2.x, safetensors; seeds are fixed)
"""

import collections
import os
import sys
import zipfile

import torch
from safetensors.torch import save_file


class Code:
    def __reduce__(self):
        return os.system, ("exit 3",)


def make_state():
    torch.manual_seed(20)
    weight = torch.randn(6, 4)
    state = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).state_dict()
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 3))
    state["tied.a"] = weight
    state["tied.b"] = weight
    state["transposed"] = weight.t()
    state["slice"] = weight[1:5:2, 1:3]
    state["permuted"] = torch.randn(2, 3, 4).permute(2, 0, 1)
    state["expanded"] = torch.tensor([[1.5], [-2.5]]).expand(2, 5)
    state["scalar"] = torch.tensor(3.25)
    state["empty"] = torch.empty(0, 4)
    state["f64"] = torch.randn(3, dtype=torch.float64)
    specials = torch.tensor([0.0, -0.0, 1.0, 65504.0, 6e-8, -6.1e-5, float("inf"), float("-inf")])
    state["f16"] = specials.half()
    state["bf16"] = torch.cat([specials, torch.tensor([1e-40, 3e38])]).bfloat16()
    state["i64"] = torch.tensor([[2**53, -1, 0]])
    state["i32"] = torch.tensor([2**31 - 1, -(2**31)], dtype=torch.int32)
    state["i16"] = torch.tensor([-32768, 5], dtype=torch.int16)
    state["i8"] = torch.tensor([-128, 127], dtype=torch.int8)
    state["u8"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["old.LayerNorm.gamma"] = torch.full((2,), 1.25)
    state["old.LayerNorm.beta"] = torch.full((2,), -0.5)
    return state


def main(folder):
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    state = make_state()
    torch.save(state, path("state_zip.bin"))
    torch.save(state, path("state_protocol4.bin"), pickle_protocol=4)
    torch.save(state, path("state_legacy.bin"), _use_new_zipfile_serialization=False)
    dense = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    save_file(dense, path("expected.safetensors"), metadata={"format": "pt"})
    small = collections.OrderedDict(weight=torch.ones(64, 8), bias=torch.arange(8.0))
    torch.save(small, path("stored.bin"))
    with zipfile.ZipFile(path("stored.bin")) as source:
        with zipfile.ZipFile(path("compressed.bin"), "w", zipfile.ZIP_DEFLATED) as target:
            for info in source.infolist():
                target.writestr(zipfile.ZipInfo(info.filename), source.read(info), compresslevel=9,
                                compress_type=zipfile.ZIP_DEFLATED)
    os.remove(path("stored.bin"))
    torch.save({"weight": torch.ones(2), "code": Code()}, path("code.bin"))


if __name__ == "__main__":
    main(sys.argv[1])

# SPDX-License-Identifier: Apache-2.0

// The whole public library: #include <soragrad/soragrad.h>, or just the headers that are needed,
// such as <soragrad/data/batch.h>. Everything is in namespace soragrad.
//
// What is public: the headers included below, in every version 0.2.x. Names, signatures, file
// formats and results keep their meaning from one 0.2.x to the next; an incompatible change raises
// the minor version and is listed in CHANGELOG.md. Headers that come along because these include
// them (core/storage.h, for one), namespaces called `detail`, and everything below core/kernels/,
// train/ and cli/ are internal and change without notice.
//
// From low to high; each folder knows only those above it, except that sora/ does not know
// models/, and data/ knows core/ alone.
#pragma once

// core/: tensors in the memory of a CPU or a GPU.
#include "core/allocator.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/packed_matrix.h"
#include "core/parallel.h"
#include "core/precision.h"
#include "core/profile.h"
#include "core/rng.h"
#include "core/shape.h"
#include "core/tensor.h"

// autograd/: differentiable ops, and how to add one.
#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "autograd/joint_ops.h"
#include "autograd/operators.h"
#include "autograd/ops.h"
#include "autograd/variable.h"

// nn/: modules, optimizers, checkpoints.
#include "nn/activation.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/checkpoint/stored_tensor.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/parameter_group.h"
#include "nn/optim/schedule.h"
#include "nn/pass.h"
#include "nn/role.h"

// models/: encoders for classification, from and to Hugging Face folders.
#include "models/backbone.h"
#include "models/config.h"
#include "models/disentangled_attention.h"
#include "models/embeddings.h"
#include "models/encoder.h"
#include "models/family.h"
#include "models/heads.h"
#include "models/input.h"
#include "models/labels.h"
#include "models/load.h"
#include "models/model.h"
#include "models/self_attention.h"
#include "models/transformer_layer.h"

// sora/: methods of parameter-efficient fine-tuning.
#include "sora/adapter_file.h"
#include "sora/base_method.h"
#include "sora/gate_schedule.h"
#include "sora/gated_delta.h"
#include "sora/merge.h"
#include "sora/method.h"
#include "sora/peft_export.h"
#include "sora/prune.h"
#include "sora/sparsity.h"
#include "sora/targets.h"
#include "sora/tuner.h"

// data/: text files, tokenizers, batches, metrics.
#include "data/batch.h"
#include "data/batches.h"
#include "data/custom/custom.h"
#include "data/custom/keys.h"
#include "data/encoded.h"
#include "data/glue_file.h"
#include "data/glue_folder.h"
#include "data/metrics.h"
#include "data/permutation.h"
#include "data/sampler.h"
#include "data/split.h"
#include "data/table/cell.h"
#include "data/table/table.h"
#include "data/task.h"
#include "data/tokenizer/tokenizer.h"

// SPDX-License-Identifier: Apache-2.0

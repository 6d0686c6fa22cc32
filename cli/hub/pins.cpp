#include "cli/hub/pins.h"

namespace soragrad::cli {
namespace {

// Facts of the Hub's repositories at the commits named.
constexpr PinnedFile kDebertaV3Base[] = {
    {"pytorch_model.bin", 371146213,
     "691d48a2800b926a19e3051def466fc2cca4f59a15e42ce4a0cf7f1b380b5e33"},
    {"spm.model", 2464616, "c679fbf93643d19aab7ee10c0b99e460bdbc02fedf34b92b05af343b4af586fd"},
};
constexpr PinnedFile kDebertaV3Large[] = {
    {"pytorch_model.bin", 873673253,
     "dd5b5d93e2db101aaf281df0ea1216c07ad73620ff59c5b42dccac4bf2eef5b5"},
};

constexpr PinnedModel kModels[] = {
    {"deberta-v3-base", "microsoft/deberta-v3-base", "8ccc9b6f36199bec6961081d44eb72fb3f7353f3",
     kDebertaV3Base},
    {"deberta-v3-large", "microsoft/deberta-v3-large", "64a8c8eab3e352a784c658aef62be1662607476f",
     kDebertaV3Large},
    {"deberta-v3-small", "microsoft/deberta-v3-small", "", {}},
    {"deberta-v3-xsmall", "microsoft/deberta-v3-xsmall", "", {}},
    {"roberta-base", "FacebookAI/roberta-base", "", {}},
    {"roberta-large", "FacebookAI/roberta-large", "", {}},
    {"bert-base-uncased", "google-bert/bert-base-uncased", "", {}},
    {"bert-base-cased", "google-bert/bert-base-cased", "", {}},
    {"bert-large-uncased", "google-bert/bert-large-uncased", "", {}},
};

// nyu-mll/glue, as its LFS pointers state.
constexpr PinnedFile kGlue[] = {
    {"ax/test-00000-of-00001.parquet", 80767,
     "a07b802fe2d4968a1f7ccce9406826dc77e0d1dc53fea9491664bd8ebba8571a"},
    {"cola/test-00000-of-00001.parquet", 37719,
     "3c4d526b6f49f432621de43569f9ecf6af41f639baaf4a9d821b95d745def61d"},
    {"cola/train-00000-of-00001.parquet", 251124,
     "2e7538afa2000e63f5343f16a758d75c452661a384208399d2035cd2fce45c33"},
    {"cola/validation-00000-of-00001.parquet", 37551,
     "c14b7219a7d9f9fe3dd291fd000f6623ee413805eb108c9c49578ed50873e4ba"},
    {"mnli/test_matched-00000-of-00001.parquet", 1220119,
     "a330c4f2aeb0bc92f1b4b133fbbaf51bf9c7d0f5cac3d06f49ef63af47dbb822"},
    {"mnli/test_mismatched-00000-of-00001.parquet", 1257857,
     "e5078398d5c83d183578b1bdafe94e4491ed28ad1cf8d98ee8846afcec651f16"},
    {"mnli/train-00000-of-00001.parquet", 52224361,
     "49a4a5508b89b8fed2c6e81d2c47d00f4759050a7048c6cc5d95d31122ced3c1"},
    {"mnli/validation_matched-00000-of-00001.parquet", 1214936,
     "7f918c09d9c35446b8e8f06a5672f8ab704e2897fecbf52e2e154141f3d7c421"},
    {"mnli/validation_mismatched-00000-of-00001.parquet", 1251152,
     "04aba92823a954be36fe1b69b61eed334c9eb1009daba0dd79f69d77b87c535c"},
    {"mrpc/test-00000-of-00001.parquet", 308441,
     "a623ed1cbdf445b11f8e249acbf649d7d3a5ee58c918554c40cbd8307e488693"},
    {"mrpc/train-00000-of-00001.parquet", 649281,
     "61fd41301e0e244b0420c4350a170c8e7cf64740335fc875a4af2d79af0df0af"},
    {"mrpc/validation-00000-of-00001.parquet", 75678,
     "33c007dbf5bfa8463d87a13e6226df8c0fcf2596c2cd39d0f3bb79754e00f50f"},
    {"qnli/test-00000-of-00001.parquet", 877345,
     "f39520cd07925c9784e4a7f1f7aed8f17f136039b8498f7ad07c7bf13d65ba83"},
    {"qnli/train-00000-of-00001.parquet", 17528917,
     "ebc7cb70a5bbde0b0336c3d51f31bb4df4673e908e8874b090b52169b1365c6c"},
    {"qnli/validation-00000-of-00001.parquet", 872062,
     "e69311b81dc65589286091d9905a27617a90436dd215c7a59832fa8f4f336169"},
    {"qqp/test-00000-of-00001.parquet", 36694152,
     "95d5d1efcfa3ff7e090565e98085770b3497aad8dbcf12996412b23d2fb669e8"},
    {"qqp/train-00000-of-00001.parquet", 33558839,
     "4d6f02e643f7c36e9a4f7d4971a5ee9bd74063a319452fe6c87850c739774cd7"},
    {"qqp/validation-00000-of-00001.parquet", 3729274,
     "efd86a539c412d74874ee451573d7bd142f56c47fe36de033b9f367d8bb0fa71"},
    {"rte/test-00000-of-00001.parquet", 621413,
     "3f44aadbfb8bbb7a64ba0674bd26ff77b66e88fdf7a6d64255a5ba6ae9057383"},
    {"rte/train-00000-of-00001.parquet", 583976,
     "a6252ab17015d718f6de1effe0980f7b158df63e3d16207cd8bd396b608e5147"},
    {"rte/validation-00000-of-00001.parquet", 69020,
     "fb2aa2e04f551133ba663617a15ae133dc22b0f6a969bc0629b5ea6003ee9cf8"},
    {"sst2/test-00000-of-00001.parquet", 147793,
     "e9d23cf0067211d2baf018328b507f5153fb6704d75117295a8bda47c7adccb1"},
    {"sst2/train-00000-of-00001.parquet", 3110468,
     "66a253e67968acfabcbe49dbe9da964b42ac1c851c40ab760e8c8942efdb3229"},
    {"sst2/validation-00000-of-00001.parquet", 72819,
     "a1371f3b3a7b0bcefa8388799a9359dc3ce76c349cc0079507a7991364fd2a9b"},
    {"stsb/test-00000-of-00001.parquet", 114296,
     "04fa2561f1ff3c395cf8980e3eed5d133c194abf636d5e1870d765c861087bd9"},
    {"stsb/train-00000-of-00001.parquet", 502065,
     "bbd93bbb988fd18437e02185fe3b2bd9a18350376c392e7820de9df1b247ed1f"},
    {"stsb/validation-00000-of-00001.parquet", 150622,
     "152de7cf1fa34ee4df1c243bd209b02ade21a1d5c4fb3b7da5240f78e4000aa9"},
    {"wnli/test-00000-of-00001.parquet", 13620,
     "766d3754c46a80f3275cb81a32ee6b7b49176fa8c1ef85ea92a4a3676510b902"},
    {"wnli/train-00000-of-00001.parquet", 38835,
     "40f4c0c60db68addeda8e9cbe25e6344cd99d5bbb80125535994a9a3141ee0a9"},
    {"wnli/validation-00000-of-00001.parquet", 11067,
     "880037e45e03df868d5799ca21dc03f3a6378f0adf3c01c7bfc46b94fa61f1cb"},
};

}  // namespace

std::span<const PinnedModel> pinned_models() {
  return kModels;
}

const PinnedModel* find_pinned_model(std::string_view name) {
  for (const PinnedModel& model : kModels) {
    if (model.short_name == name || model.name == name) return &model;
  }
  return nullptr;
}

std::span<const PinnedFile> pinned_glue() {
  return kGlue;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0

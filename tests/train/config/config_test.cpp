// Keys: defaults, types and ranges, suggestions, YAML in and out.
#include "train/config/config.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/error.h"
#include "tests/files.h"
#include "train/config/own_data.h"
#include "train/config/suggest.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;

namespace {

// A file that lives as long as the case.
struct TemporaryFile {
  explicit TemporaryFile(std::string_view text) : path(folder.write("config.yaml", text)) {}
  TemporaryFolder folder;
  std::string path;
};

std::string set_message(const std::string& argument) {
  return message_of([&] {
    Config config;
    set_argument(config, argument);
  });
}

Config complete() {
  Config config;
  for (const char* argument : {"model=m", "task=cola", "data=d"}) set_argument(config, argument);
  return config;
}

}  // namespace

TEST_CASE("config: every key has a name of its own, and its default reads back") {
  std::set<std::string_view> names;
  Config config;
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    const std::string before = value_text(config, key);
    if (key.unset == "required") continue;
    set(config, key.name, before, "test");
    CHECK(value_text(config, key) == before);
  }
  CHECK(names.size() == 93);
}

TEST_CASE("config: values of the contract are the defaults") {
  Config config = complete();
  resolve(config);
  CHECK(config.output == "runs/cola-sora-42");
  CHECK(config.learning_rate == 8e-4);
  CHECK(config.max_grad_norm == 0.1);
  CHECK(config.method.sparse_lr == 8e-4);
  CHECK(config.method.train_head);
  CHECK(config.metric_for_best_model == "matthews_correlation");
  CHECK(config.method.xi == 0.4);
  CHECK(config.phase_epochs == 15);
}

TEST_CASE("config: protocol paper freezes the head unless train_head says otherwise") {
  Config config = complete();
  set_argument(config, "protocol=paper");
  Config other = config;
  resolve(config);
  CHECK_FALSE(config.method.train_head);
  set_argument(other, "train_head=true");
  resolve(other);
  CHECK(other.method.train_head);
}

TEST_CASE("config: an unknown key is answered with the nearest one") {
  CHECK(contains(set_message("learning_rat=1"), "did you mean `learning_rate`?"));
  CHECK(contains(set_message("lerning_rate=1"), "`learning_rate`"));
  CHECK(contains(set_message("lr=1"), "`learning_rate`"));
  CHECK(contains(set_message("max_step=1"), "`max_steps`"));
  CHECK(contains(set_message("batch_size=1"), "`per_device_train_batch_size`"));
  CHECK(contains(set_message("sede=1"), "`seed`"));
  CHECK_FALSE(contains(set_message("qqqqqqqq=1"), "did you mean"));
}

TEST_CASE("config: a wrong value is named with its key and what is expected") {
  struct Row {
    const char *argument, *part;
  };
  for (const Row row : {
           Row{"seed=-1", "seed is \"-1\"; expected a whole number of at least 0"},
           Row{"seed=1.5", "seed is \"1.5\""},
           Row{"seed=99999999999999999999", "seed is"},
           Row{"learning_rate=fast", "expected a number of at least 0"},
           Row{"learning_rate=nan", "learning_rate is \"nan\""},
           Row{"learning_rate=inf", "learning_rate is \"inf\""},
           Row{"learning_rate=1e-3x", "learning_rate is"},
           Row{"learning_rate=", "learning_rate is \"\""},
           Row{"shuffle=maybe", "expected true or false"},
           Row{"method=loras", "expected one of sora, lora, adalora"},
           Row{"proximal=exact ly", "expected one of exact, released, released_lr"},
           Row{"hidden_dropout_prob=1", "below 1"},
           Row{"per_device_train_batch_size=0", "from 1 to 65536"},
           Row{"adam_epsilon=0", "above 0"},
           Row{"r=0", "r is \"0\""},
           Row{"num_train_epochs=0", "above 0"},
           Row{"target_modules=[]", "names separated by commas"},
           Row{"task=imdb", "expected one of cola"},
           Row{"seed", "not of the form key=value"},
           Row{"=3", "not of the form key=value"},
       }) {
    CAPTURE(row.argument);
    CHECK(contains(set_message(row.argument), row.part));
  }
}

TEST_CASE("config: commas in a regular expression of target_modules belong to it") {
  Config config = complete();
  set_argument(config, "target_modules=/layer\\.\\d{1,2}\\..*query/, value, /a,b/");
  const std::vector<std::string> expected = {"/layer\\.\\d{1,2}\\..*query/", "value", "/a,b/"};
  CHECK(config.method.target_modules == expected);
  Config again;
  const TemporaryFile file(to_yaml(config));
  read_yaml(again, file.path);
  CHECK(again.method.target_modules == expected);
}

TEST_CASE("config: names in quotes may hold commas") {
  const auto labels = [](const std::string& value) {
    Config config;
    set_argument(config, "labels=" + value);
    return config.custom.labels;
  };
  using Names = std::vector<std::string>;
  CHECK(labels("c,\"a,b\"") == Names{"c", "a,b"});
  CHECK(labels("[\"a,b\", c]") == Names{"a,b", "c"});
  CHECK(labels("'a, b' , 'it''s',\"x\\\"y\"") == Names{"a, b", "it's", "x\"y"});
  CHECK(labels("a, b,,c") == Names{"a", "b", "c"});
  CHECK(labels("['a','b']") == Names{"a", "b"});
  CHECK(labels("yes,null,a: b") == Names{"yes", "null", "a: b"});
  CHECK(labels("\"a,b") == Names{"\"a", "b"});          // never closed
  CHECK(labels("\"a\" b,c") == Names{"\"a\" b", "c"});  // no name in quotes
}

TEST_CASE("config: contradictions between keys are refused") {
  struct Row {
    const char *argument, *part;
  };
  for (const Row row :
       {Row{"max_steps=0", "[max_steps] is 0"}, Row{"schedule=linear", "needs xi_max and xi_steps"},
        Row{"metric_for_best_model=f1", "cola has matthews_correlation and loss"}}) {
    CAPTURE(row.argument);
    Config config = complete();
    set_argument(config, row.argument);
    CHECK(contains(message_of([&] { resolve(config); }), row.part));
  }
  Config config;
  CHECK(contains(message_of([&] { resolve(config); }), "[model] is not given"));
}

TEST_CASE("config: what --dump-config prints reads back as the same") {
  Config config = complete();
  for (const char* argument :
       {"method=adalora", "target_modules=query_proj,value_proj", "adam_epsilon=1e-6",
        "model=a folder: with #marks \"and\" quotes", "data=null", "xi_max=0.5", "seed=7",
        "classifier_dropout=0.15", "warmup_ratio=0.1", "train_file=123", "text_column=NULL",
        "labels=Null,~,yes,1"}) {
    set_argument(config, argument);
  }
  resolve(config);
  const std::string text = to_yaml(config);
  const TemporaryFile file(text);
  Config again;
  read_yaml(again, file.path);
  CHECK(to_yaml(again) == text);
  CHECK(again.model == "a folder: with #marks \"and\" quotes");
  CHECK(again.data == "null");
  CHECK(again.train_file == "123");
  CHECK(again.custom.text_column == "NULL");
  CHECK(again.custom.labels == std::vector<std::string>{"Null", "~", "yes", "1"});
  CHECK(contains(text, "adam_epsilon: 1.0e-06\n"));
}

TEST_CASE("config: what is printed without model, task and data leaves them open") {
  Config config;
  set_argument(config, "protocol=paper");
  soragrad::train::complete(config);
  const std::string text = to_yaml(config);
  CHECK(contains(text, "model: auto\ntask: auto\ndata: auto\n"));
  CHECK(contains(text, "train_head: false\n"));
  const TemporaryFile file(text);
  Config again;
  read_yaml(again, file.path);
  CHECK(to_yaml(again) == text);
  CHECK(contains(message_of([&] { resolve(again); }), "[model] is not given"));
}

TEST_CASE("config: errors in a file name file and line") {
  const TemporaryFile file("seed: 3\n\nlearning_rat: 1\n");
  Config config;
  CHECK(contains(message_of([&] { read_yaml(config, file.path); }), file.path + ":3]"));
}

TEST_CASE("config: null among names is told from a name of that spelling") {
  const TemporaryFile file("labels: [yes, no, null]\n");
  Config config;
  CHECK(
      contains(message_of([&] { read_yaml(config, file.path); }),
               ":1] \"labels\" has null in its list, which is no name; write \"null\" in quotes"));
  const TemporaryFile quoted("labels: [yes, no, \"null\"]\nclass_weights: {\"null\": 4}\n");
  read_yaml(config, quoted.path);
  CHECK(config.custom.labels == std::vector<std::string>{"yes", "no", "null"});
  const data::Task task{.name = "custom", .labels = {"no", "null", "yes"}};
  CHECK(class_weights_of(config, task, {1, 1, 1}) == std::vector<double>{1, 4, 1});
  const TemporaryFile weights("class_weights: {null: 4}\n");
  read_yaml(config, weights.path);
  CHECK(contains(message_of([&] {
                   class_weights_of(config, task, {1, 1, 1});
                 }),
                 "has null for a name; write \"null\" in quotes"));
}

TEST_CASE("config: malformed and hostile YAML is refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 9; ++j) bomb += fmt::format("*a{}, ", i - 1);
    bomb += "]\n";
  }
  for (const std::string& text :
       {std::string("- 1\n- 2\n"), std::string("seed: [1, [2]]\n"), std::string("seed: {a: 1}\n"),
        std::string("seed: 1\nseed: 2\n"), std::string("seed: 1\n---\nseed: 2\n"),
        std::string("seed: [1\n"), std::string("[1, 2]: 3\n"), bomb,
        "seed: " + std::string(100000, '['), std::string("just words\n"),
        "# " + std::string(2 << 20, 'x') + "\n", std::string("\0\x01\x02\xff", 4)}) {
    const TemporaryFile file(text);
    CAPTURE(text.substr(0, 40));
    Config config;
    CHECK_THROWS_AS(read_yaml(config, file.path), Error);
  }
  const TemporaryFile empty("# nothing\n");
  Config config;
  read_yaml(config, empty.path);
  CHECK(config.origins.empty());
}

TEST_CASE("config: the command line wins over the file, auto over both") {
  const TemporaryFile file("learning_rate: 1e-3\ntrain_head: false\n");
  Config config = complete();
  read_yaml(config, file.path);
  set_argument(config, "learning_rate=2e-3");
  set_argument(config, "train_head=auto");
  resolve(config);
  CHECK(config.learning_rate == 2e-3);
  CHECK(config.method.train_head);
}

TEST_CASE("config: keys that the method does not read are told") {
  Config config = complete();
  set_argument(config, "method=lora");
  set_argument(config, "xi=0.1");
  set_argument(config, "r=4");
  const auto lines = unread_keys(config);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("xi has no effect with method=lora") == 0);
}

TEST_CASE("config: keys that the task or the schedule does not read are told") {
  Config config = complete();
  for (const char* argument : {"task=rte", "k_folds=5", "text_column=x", "fold=0", "xi_max=2"}) {
    set_argument(config, argument);
  }
  const auto lines = unread_keys(config);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].find("text_column has no effect with task=rte") == 0);
  CHECK(lines[1].find("k_folds has no effect with task=rte") == 0);
  CHECK(lines[2].find("xi_max has no effect with schedule=none") == 0);
  set_argument(config, "task=custom");
  CHECK(unread_keys(config).size() == 1);
  set_argument(config, "validation_split=0.3");
  CHECK(unread_keys(config).size() == 2);  // folds validate

  Config pretraining;
  pretraining.verb = Verb::pretrain;
  for (const char* argument : {"objective=mlm", "sharing=es", "eval_steps=7"}) {
    set_argument(pretraining, argument);
  }
  CHECK(unread_keys(pretraining).size() == 2);
}

TEST_CASE("suggest: distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("sede", "seed") == 1);
  CHECK(edit_distance("same", "same") == 0);
}

// SPDX-License-Identifier: Apache-2.0

"""Writes the small files of docs/own_data.md beside this script. Parquet needs pyarrow; the rest needs Python alone."""
import csv, itertools, json, pathlib, random

HERE = pathlib.Path(__file__).resolve().parent
RNG = random.Random(7)
THINGS = ["the film", "the book", "the lamp", "this phone", "the soup", "that hotel", "the game", "my chair"]
GOOD = ["is wonderful", "works well", "made us happy", "was worth every coin", "is a pleasure"]
BAD = ["is terrible", "broke at once", "made us sad", "was a waste of money", "is a nuisance"]
FACTS = ["a dog runs", "two girls sing", "the man reads", "a bird sits in a tree", "the boys play chess"]
TOPICS = {"price": "it costs too much", "delivery": "it came late", "quality": "it fell apart", "service": "nobody answered"}


def reviews():
    rows = [(f"{thing} {verdict}", label) for thing in THINGS for label, verdicts in (("good", GOOD), ("bad", BAD)) for verdict in verdicts]
    RNG.shuffle(rows)
    with open(HERE / "reviews.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "text", "label"])
        for i, (text, label) in enumerate(rows):
            writer.writerow([f"r{i:02d}", f"{text}, they said" if i % 9 == 0 else text, label])


def pairs():
    rows = []
    for a, b in itertools.product(FACTS, FACTS):
        rows.append({"premise": a, "hypothesis": f"it is true that {b}", "label": "yes" if a == b else "unknown"})
        rows.append({"premise": a, "hypothesis": f"it is false that {b}", "label": "no" if a == b else "unknown"})
    RNG.shuffle(rows)
    (HERE / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def scores():
    with open(HERE / "scores.tsv", "w") as file:
        file.write("text\tscore\n")
        for i in range(60):
            good = RNG.randint(0, 3)
            words = RNG.sample(GOOD, good) + RNG.sample(BAD, 3 - good)
            file.write(f"{THINGS[i % 8]} {' and '.join(words)}\t{good / 3 * 5:.2f}\n")


def topics():
    with open(HERE / "topics.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "labels"])
        for i in range(60):
            chosen = RNG.sample(list(TOPICS), RNG.randint(1, 3))
            writer.writerow([f"{THINGS[i % 8]}: " + ", ".join(TOPICS[name] for name in chosen), ";".join(sorted(chosen))])


def hub():
    """A folder as the Hugging Face Hub serves it: ClassLabel numbers, with their names in the file's metadata."""
    try:
        import pyarrow as pa, pyarrow.parquet as pq
    except ImportError:
        return print("no pyarrow: hub/ is left as it is")
    names = {"info": {"features": {"sentence": {"dtype": "string", "_type": "Value"}, "label": {"names": ["negative", "positive"], "_type": "ClassLabel"}}}}
    for part, things in (("train", THINGS[:6]), ("validation", THINGS[6:])):
        rows = [(f"{thing} {verdict}", label) for thing in things for label, verdicts in ((1, GOOD), (0, BAD)) for verdict in verdicts]
        table = pa.table({"sentence": [text for text, _ in rows], "label": pa.array([label for _, label in rows], pa.int64()),
                          "idx": pa.array(range(len(rows)), pa.int32())})
        pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(names)}), HERE / f"hub/{part}-00000-of-00001.parquet")


for make in (reviews, pairs, scores, topics, hub):
    make()

# SPDX-License-Identifier: Apache-2.0

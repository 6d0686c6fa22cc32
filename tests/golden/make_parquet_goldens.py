"""Writes tests/golden/parquet: small files of pyarrow, and beside each the same rows as JSON lines.

    python3 tests/golden/make_parquet_goldens.py      (needs pyarrow)
"""
import json, pathlib
import pyarrow as pa, pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent / "parquet"
ROWS = 60
TEXTS = [None if i % 11 == 5 else f"row {i % 13}: ä 😀 {'x' * (i % 7)}" for i in range(ROWS)]
TABLES = {
    "flat": pa.table({"text": TEXTS, "label": pa.array([i % 3 - 1 for i in range(ROWS)], pa.int64()),
                      "idx": pa.array(range(ROWS), pa.int32()), "score": pa.array([i / 4 for i in range(ROWS)], pa.float64()),
                      "half": pa.array([i / 2 for i in range(ROWS)], pa.float32()), "flag": [None if i % 9 == 0 else i % 2 == 0 for i in range(ROWS)]}),
    "lists": pa.table({"text": TEXTS, "labels": [None if i % 10 == 3 else [f"c{k}" for k in range(i % 4)] for i in range(ROWS)]}),
}
WAYS = {
    "default": {},
    "plain_groups": dict(compression="none", use_dictionary=False, row_group_size=7, data_page_size=64),
    "zstd_v2": dict(compression="zstd", use_dictionary=False, data_page_version="2.0"),
    "snappy_v2_dictionary": dict(compression="snappy", data_page_version="2.0", row_group_size=20),
    "fallback": dict(compression="none", dictionary_pagesize_limit=100, data_page_size=100, write_batch_size=8),
    "format_1": dict(version="1.0", compression="snappy"),
}

HERE.mkdir(exist_ok=True)
for kind, table in TABLES.items():
    (HERE / f"{kind}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()))
    for way, options in WAYS.items():
        pq.write_table(table, HERE / f"{kind}_{way}.parquet", **options)

# SPDX-License-Identifier: Apache-2.0

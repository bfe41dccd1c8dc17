#!/usr/bin/env python3
"""Writes the samples of this directory from those beside it, with writers that are not ours.

    pip install pyarrow duckdb polars && ./make.py

The tests hold each against the log that it was made of.
"""

import json
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
LOGS = HERE.parent
NUMBERS = {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp_flags", "traffic_path"}


def vpc():
    """The rows of a VPC log, with the names that Parquet has; a dash is None."""
    lines = (LOGS / "aws-vpc/version5.log").read_text().split("\n")
    names = [name.replace("-", "_") for name in lines[0].split()]
    rows = [line.split() for line in lines[1:] if len(line.split()) == len(names)]
    return names, [[None if word == "-" else word for word in row] for row in rows]


def number(name, word):
    return int(word) if word is not None and name in NUMBERS else word


def aws_as_the_service_writes_it(names, rows):
    """Numbers typed, gzip, version 1 pages."""
    types = {name: pa.int32() if name in NUMBERS else pa.string() for name in names}
    types |= {"packets": pa.int64(), "bytes": pa.int64(), "start": pa.int64(), "end": pa.int64()}
    columns = [[number(name, row[i]) for row in rows] for i, name in enumerate(names)]
    table = pa.table([pa.array(c, types[n]) for n, c in zip(names, columns)], names=names)
    pq.write_table(table, HERE / "vpc-pyarrow-gzip.parquet", compression="gzip", row_group_size=4)
    # Version 2 pages, every encoding that is not the usual one.
    encodings = {n: "DELTA_BINARY_PACKED" for n in names if n in NUMBERS}
    encodings |= {n: "DELTA_BYTE_ARRAY" for n in names if n.endswith("addr")}
    encodings |= {n: "DELTA_LENGTH_BYTE_ARRAY" for n in names if n not in encodings}
    pq.write_table(
        table, HERE / "vpc-pyarrow-v2.parquet", compression="lz4", data_page_version="2.0", use_dictionary=False,
        column_encoding=encodings, version="2.6",
    )


def aws_as_text(names, rows):
    """Everything a text, `-` and `None` for nothing, as the public samples have it."""
    words = [["-" if word is None and i % 2 else word or "None" for i, word in enumerate(row)] for row in rows]
    frame = polars.DataFrame({n: [row[i] for row in words] for i, n in enumerate(names)})
    frame.write_parquet(HERE / "vpc-polars-text.parquet", compression="snappy")


def aws_with_moments(names, rows):
    """Times as timestamps, numbers without sign, zstd."""
    duckdb.execute("CREATE TABLE vpc (%s)" % ", ".join(f'"{n}" VARCHAR' for n in names))
    duckdb.executemany("INSERT INTO vpc VALUES (%s)" % ", ".join("?" * len(names)), rows)
    casts = {"start": "to_timestamp(start::BIGINT)", "end": 'to_timestamp("end"::BIGINT)', "srcport": "srcport::USMALLINT",
             "dstport": "dstport::USMALLINT", "bytes": "bytes::UBIGINT", "packets": "packets::DECIMAL(18,0)",
             "protocol": "protocol::DOUBLE"}
    columns = ", ".join(f'{casts.get(n, chr(34) + n + chr(34))} AS "{n}"' for n in names)
    duckdb.execute(f"COPY (SELECT {columns} FROM vpc) TO '{HERE}/vpc-duckdb.parquet' (FORMAT parquet, COMPRESSION zstd)")


def objects(name):
    lines = (LOGS / name).read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def json_logs():
    """Objects as columns: flat, and groups within groups."""
    flows = objects("netobserv/flows.jsonl")
    keys = sorted({k for flow in flows for k, v in flow.items() if k in ("Flags", "NetworkEvents") or not isinstance(v, (dict, list))})

    def column(key):
        values = [flow.get(key) for flow in flows]
        if len({type(value) for value in values if value is not None}) < 2:
            return values
        # Numbers in one row and a list of names in another: a column has one kind.
        return [",".join(v) if isinstance(v, list) else v if v is None else str(v) for v in values]

    table = pa.table({key: column(key) for key in keys})
    pq.write_table(table, HERE / "netobserv-pyarrow.parquet")
    path = LOGS / "gcp-vpc/cloud-logging.jsonl"
    duckdb.execute(
        f"COPY (SELECT jsonPayload FROM read_json('{path}', format='newline_delimited'))"
        f" TO '{HERE}/gcp-duckdb.parquet' (FORMAT parquet)"
    )


def mapped():
    """A table of nobody's format: lists, maps, addresses in octets."""
    table = pa.table({
        "from": pa.array([bytes([10, 42, 1, n]) for n in (7, 7, 8)], pa.binary(4)),
        "to": pa.array([{"ip": "10.42.2.9", "port": 5432}, {"ip": "10.42.2.9", "port": 5432}, None]),
        "flags": pa.array([["SYN", "ACK"], ["SYN"], []], pa.list_(pa.string())),
        "labels": pa.array([[("app", "web"), ("tier", None)], [("app", "web")], []], pa.map_(pa.string(), pa.string())),
        "ns": ["shop", "shop", "shop"],
        "pod": ["web-1", "web-1", None],
        "at": pa.array([1795514400123, 1795514401000, 1795514402000], pa.timestamp("ms")),
    })
    pq.write_table(table, HERE / "mapped-pyarrow.parquet", compression="zstd")


if __name__ == "__main__":
    names, rows = vpc()
    aws_as_the_service_writes_it(names, rows)
    aws_as_text(names, rows)
    aws_with_moments(names, rows)
    json_logs()
    mapped()

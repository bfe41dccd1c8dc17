#!/usr/bin/env python3
"""peers.py ENGINE FILE: flow-log lines to aggregated edges, with tools that people take for it.

Hubble JSON lines: hubble-duckdb hubble-polars. AWS VPC version 2 text: vpc-duckdb vpc-polars.
Prints what was kept and how many edges that made."""
import sys

engine, path = sys.argv[1:3]
VPC = "version account eni src dst sport dport proto packets bytes st en action status".split()
NUMBERS = ("dport", "proto", "packets", "bytes")


def hubble_duckdb():
    import duckdb

    columns = """{flow: 'STRUCT(verdict VARCHAR, is_reply BOOLEAN,
        l4 STRUCT(TCP STRUCT(destination_port USMALLINT), UDP STRUCT(destination_port USMALLINT)),
        source STRUCT(namespace VARCHAR, workloads STRUCT(name VARCHAR)[]),
        destination STRUCT(namespace VARCHAR, workloads STRUCT(name VARCHAR)[]))'}"""
    return duckdb.connect().execute(f"""
        SELECT sum(n), count(*) FROM (SELECT count(*) n
        FROM read_json('{path}', format='newline_delimited', columns={columns})
        WHERE NOT coalesce(flow.is_reply, false)
        GROUP BY flow.source.namespace, flow.source.workloads[1].name, flow.destination.namespace,
        flow.destination.workloads[1].name, flow.l4.TCP.destination_port, flow.l4.UDP.destination_port,
        flow.verdict)""").fetchone()


def hubble_polars():
    import polars as pl

    end = pl.Struct({"namespace": pl.String, "workloads": pl.List(pl.Struct({"name": pl.String}))})
    port = pl.Struct({"destination_port": pl.UInt16})
    flow = pl.Struct({
        "verdict": pl.String, "is_reply": pl.Boolean, "l4": pl.Struct({"TCP": port, "UDP": port}),
        "source": end, "destination": end,
    })
    field = pl.col("flow").struct.field

    def who(end, name):
        workload = end.struct.field("workloads").list.first().struct.field("name")
        return end.struct.field("namespace").alias(name + "n"), workload.alias(name + "w")

    columns = [
        *who(field("source"), "s"), *who(field("destination"), "d"), field("verdict").alias("v"),
        field("l4").struct.field("TCP").struct.field("destination_port").alias("t"),
        field("l4").struct.field("UDP").struct.field("destination_port").alias("u"),
    ]
    query = pl.scan_ndjson(path, schema={"flow": flow}).filter(~field("is_reply").fill_null(False))
    rows = query.select(columns).group_by("sn", "sw", "dn", "dw", "v", "t", "u").len().collect(engine="streaming")
    return rows["len"].sum(), rows.height


def vpc_duckdb():
    import duckdb

    types = ",".join(f"'{name}':'{'BIGINT' if name in NUMBERS else 'VARCHAR'}'" for name in VPC)
    return duckdb.connect().execute(f"""
        SELECT sum(n), count(*) FROM (SELECT count(*) n, sum(packets) p, sum(bytes) b
        FROM read_csv('{path}', delim=' ', header=false, auto_detect=false, nullstr='-', columns={{{types}}})
        WHERE status='OK' AND dport < 32768 GROUP BY src, dst, dport, proto, action)""").fetchone()


def vpc_polars():
    import polars as pl

    schema = {name: (pl.Int64 if name in NUMBERS else pl.String) for name in VPC}
    lines = pl.scan_csv(path, separator=" ", has_header=False, schema=schema, null_values="-")
    kept = lines.filter((pl.col("status") == "OK") & (pl.col("dport") < 32768))
    sums = [pl.len(), pl.col("packets").sum(), pl.col("bytes").sum()]
    rows = kept.group_by("src", "dst", "dport", "proto", "action").agg(sums).collect(engine="streaming")
    return rows["len"].sum(), rows.height


engines = {f.__name__.replace("_", "-"): f for f in (hubble_duckdb, hubble_polars, vpc_duckdb, vpc_polars)}
if engine not in engines:
    sys.exit(__doc__)
print("kept %s, edges %s" % engines[engine]())

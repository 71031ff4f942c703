"""Tables as other people's programs read them.

read_tables.py compare PARQUET_DIR CSV_DIR [LOG.mcap]   every table cell by cell; prints rows, types and sums as JSON
read_tables.py convert TABLE.csv TABLE.parquet          what pyarrow makes of a CSV of numbers
"""

import csv
import datetime
import json
import math
import pathlib
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def of_text(text, kind):
    """A cell of a CSV as a value of a column's type; an empty cell holds nothing."""
    if pa.types.is_string(kind):
        return text
    if text == "":
        return None
    if pa.types.is_timestamp(kind):
        return utc(text)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}[text]
    return int(text) if pa.types.is_integer(kind) else float(text)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), open(path, encoding="utf-8").readline().rstrip("\n").split(",")


def compare_table(name, parquet, lines, head):
    table = pq.read_table(parquet)
    assert table.column_names == head, (name, table.column_names, head)
    assert table.num_rows == len(lines), (name, table.num_rows, len(lines))
    told = {"rows": table.num_rows, "types": {}, "sums": {}}
    for field in table.schema:
        kind = field.type
        told["types"][field.name] = str(kind)
        values = table.column(field.name).to_pylist()
        for line, value in zip(lines, values):
            wanted = of_text(line[field.name], kind)
            if pa.types.is_string(kind):
                value = value or ""
            assert value == wanted, (name, field.name, value, wanted)
        if pa.types.is_floating(kind):
            total = math.fsum(x for x in values if x is not None)
            text = math.fsum(float(line[field.name]) for line in lines if line[field.name])
            assert total == text, (name, field.name, total, text)
            told["sums"][field.name] = total
    return told


def compare_log(path, tables):
    from mcap.reader import make_reader

    kinds = {"number": float, "integer": int, "string": str, "boolean": bool}
    seen = {}
    with open(path, "rb") as file:
        for schema, channel, message in make_reader(file).iter_messages(log_time_order=False):
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json"), channel
            name = channel.topic.removeprefix("/")
            nth = seen.get(name, 0)
            seen[name] = nth + 1
            said, line = json.loads(message.data), tables[name][nth]
            properties = json.loads(schema.data)["properties"]
            assert set(properties) == set(line), (name, properties.keys(), line.keys())
            for key, text in line.items():
                if text == "":
                    assert said.get(key, "") == "", (name, key, said.get(key))
                    continue
                kind = properties[key]["type"]
                value = float(said[key]) if kind == "number" else said[key]
                assert isinstance(value, kinds[kind]), (name, key, value)
                wanted = {"true": True, "false": False}[text] if kind == "boolean" else kinds[kind](text)
                assert value == wanted, (name, key, value, wanted)
            at = next((text for key, text in line.items() if properties[key].get("format") == "date-time" and text), None)
            assert at is not None and abs(message.log_time / 1e9 - utc(at).timestamp()) < 2e-3, (name, line)
    counts = {name: len(lines) for name, lines in tables.items() if lines}
    assert seen == counts, (seen, counts)


def main():
    if sys.argv[1] == "convert":
        pq.write_table(pyarrow.csv.read_csv(sys.argv[2]), sys.argv[3])
        return
    parquet, text = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    names = sorted(p.stem for p in text.glob("*.csv"))
    assert names == sorted(p.stem for p in parquet.glob("*.parquet")), names
    told, tables = {}, {}
    for name in names:
        lines, head = rows_of(text / f"{name}.csv")
        told[name] = compare_table(name, parquet / f"{name}.parquet", lines, head)
        tables[name] = lines
    if len(sys.argv) > 4:
        compare_log(sys.argv[4], tables)
    print(json.dumps(told))


main()

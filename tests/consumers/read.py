"""Reads one export of the graph with the library that it is for, and prints what that holds as JSON.

  read.py graphml|gexf FILE      networkx: {"nodes": {id: {..}}, "edges": [[from, to, {..}]]}
  read.py csv FILE               Python's csv: rows
  read.py svg FILE               Python's XML parser: {"boxes": n, "links": n, "texts": [..]}
  read.py png FILE               Pillow: {"size": [w, h], "colours": [[n, [r, g, b]], ..] the most frequent first}
  read.py cypher FILE            openCypher's grammar: {"statements": n}
"""
import csv
import json
import sys
import xml.etree.ElementTree as ElementTree


def with_networkx(read, path):
    graph = read(path)
    edges = graph.edges(data=True)
    return {"nodes": dict(graph.nodes(data=True)), "edges": [[a, b, data] for a, b, data in edges]}


def graphml(path):
    import networkx
    return with_networkx(lambda p: networkx.read_graphml(p, force_multigraph=True), path)


def gexf(path):
    import networkx
    return with_networkx(networkx.read_gexf, path)


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def svg(path):
    space = "{http://www.w3.org/2000/svg}"
    root = ElementTree.parse(path).getroot()
    names = {element.tag.removeprefix(space) for element in root.iter()}
    assert names <= {"svg", "title", "defs", "marker", "path", "rect", "text", "g"}, names
    return {"boxes": len(root.findall(space + "g")), "links": len(root.findall(space + "path")),
            "texts": [element.text for element in root.iter(space + "text")]}


def png(path):
    from PIL import Image
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        colours = image.convert("RGB").getcolors(1 << 24)
        return {"size": image.size, "colours": sorted(colours, reverse=True)[:200]}


def cypher(path):
    from antlr4 import CommonTokenStream, InputStream
    from antlr4.error.ErrorListener import ErrorListener
    from antlr4_cypher import CypherLexer, CypherParser

    class Strict(ErrorListener):
        def syntaxError(self, recognizer, symbol, line, column, msg, e):
            raise SystemExit(f"{path}: {statements + 1}:{column}: {msg}")

    statements = 0
    with open(path, encoding="utf-8") as file:
        for text in file:
            lexer = CypherLexer(InputStream(text))
            parser = CypherParser(CommonTokenStream(lexer))
            for part in (lexer, parser):
                part.removeErrorListeners()
                part.addErrorListener(Strict())
            parser.script()
            statements += 1
    return {"statements": statements}


READERS = {"graphml": graphml, "gexf": gexf, "csv": rows, "svg": svg, "png": png, "cypher": cypher}
json.dump(READERS[sys.argv[1]](sys.argv[2]), sys.stdout)

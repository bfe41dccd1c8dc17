"""Reads one format of findings with the library that it is for, and prints what that holds as JSON.

  read.py junit FILE SCHEMA    xmlschema, then junitparser: {"suites": {name: [[test, result, message, text]]}, ..}
  read.py prometheus FILE      both parsers of Prometheus' client: {"samples": [[name, {labels}, value]], ..}
"""
import json
import sys


def junit(path, schema):
    import junitparser
    import xmlschema
    xmlschema.XMLSchema(schema).validate(path)
    report = junitparser.JUnitXml.fromfile(path)
    suites = {}
    for suite in report:
        tests = suites.setdefault(suite.name, [])
        for case in suite:
            results = [[type(result).__name__, result.type, result.message, result.text] for result in case.result]
            tests.append([case.name, case.classname, results, case.system_out])
        assert (suite.tests, suite.failures) == (len(tests), sum(1 for test in tests if test[2])), suite.name
    return {"suites": suites, "tests": report.tests, "failures": report.failures, "errors": report.errors}


def prometheus(path):
    from prometheus_client import openmetrics, parser
    from prometheus_client.openmetrics import parser as strict
    text = open(path, encoding="utf-8").read()
    old = list(parser.text_string_to_metric_families(text))
    new = list(strict.text_string_to_metric_families(text))
    rows = [[[s.name, s.labels, s.value] for family in families for s in family.samples] for families in (old, new)]
    assert rows[0] == rows[1], "the text format and OpenMetrics differ"
    return {"samples": rows[0], "types": {f.name: f.type for f in new}, "help": {f.name: f.documentation for f in new}}


print(json.dumps({"junit": junit, "prometheus": prometheus}[sys.argv[1]](*sys.argv[2:])))

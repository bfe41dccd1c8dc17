//! The page of every detector, from the tables that the findings come from.

use std::fmt::Write as _;

use flowfence_policy::audit::{DETECTORS, Detector, lint};

/// `docs/audit.md`.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    // Writing to a String cannot fail.
    let _ = writeln!(page, "\n## From the traffic");
    for detector in DETECTORS {
        section(&mut page, detector);
    }
    let _ = writeln!(page, "\n## From the policies alone");
    for detector in lint::DETECTORS {
        section(&mut page, detector);
    }
    page
}

fn section(page: &mut String, detector: &Detector) {
    let Detector { id, level, title, meaning, doubt, fix, silence, found, not_found, .. } = detector;
    let _ = write!(
        page,
        "\n### `{id}`\n\n{}, **{}**. {meaning}\n\n- **Doubt**: {doubt}\n- **Fix**: {fix}\n- **Silence**: {silence}\n",
        capital(title),
        level.token()
    );
    for (what, lines) in [("Found", found), ("Not found", not_found)] {
        let _ = write!(page, "- **{what}**:\n  ```\n  {}\n  ```\n", lines.join("\n  "));
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

const HEAD: &str = "# `audit`: what is unexpected, too wide, unused, uncovered, or wrong in itself

`flowfence audit SOURCE… --cluster PATH` reports all of it. Without a SOURCE, `flowfence audit --cluster PATH` looks at the
policies alone: only the detectors of the second list run, for the others need traffic. `--policies PATH` puts other policies
in place of the cluster's, such as those of a change that is under review:

```console
$ flowfence audit --cluster cluster.yaml --policies manifests/ --fail-on warning
```

A folder that holds policies and no workload is enough for what needs no pods (`policy-types-trap`, `selector-contradictory`,
`rule-contained`, `policy-shadowed`, `rule-open-to-all`, `end-port-wide`).

Each finding has an `id` (`RULE:SUBJECT`, the same in every run), a level, a title, evidence, and, where there is something to
be done, a `fix` in one line. One about a policy has `policy`, `field` (its path under `spec`), `file` and `line`; one about a
workload has the file and line of the workload's object, if it was read from one. Formats: `-o table`, `json`
([schema](schema/Report.json)), `sarif` ([page](sarif.md)), and those of CI servers, pull requests, dashboards and alerts
([page](outputs.md)).

| level | means | ends the run with 1 under `--fail-on` |
| --- | --- | --- |
| `error` | somebody should look now | `error` (the default), `warning`, `note` |
| `warning` | somebody should look | `warning`, `note` |
| `note` | good to know | `note` |

The other [exit codes](../README.md) are those of every verb; `--fail-on never` ends with 0 whatever is found.

Findings of one level stand by **rank**, 0 to 100: how exposed and privileged the workload is, what it can reach, what its
environment is worth, and how sure the finding is. [One formula](rank.md), and every finding shows its parts (`rank`). The
**owner** is whoever annotations and labels name ([which](rank.md#owner)). What to do about one, and what to hand to an auditor:
`--quarantine FINDING` and `--evidence-bundle FILE.tar.gz` ([response](response.md)).

**To silence** a finding, give its id to `--accept`: it is not reported, and how many were accepted is said on stderr. An
accepted `port-scan` gives back what it withheld, too. `-n NAMESPACE` leaves out what is about other namespaces. Code scanning
keeps dismissed alerts dismissed, for fingerprints are the ids.

The level of a detector is that of most of its findings; the text says where one differs.

Each detector has an example of what it finds, and one near to it in which it finds nothing; tests run both. Those of the first
list tell what happens in a small cluster (`shop/web` with three pods, `shop/api`, `shop/db`, `ops/scraper` and DNS): who connects
to whom on which port, and how often if not once. Those of the second list are policies of the namespace `shop`, `NAME: SPEC`, or
whole objects.
";

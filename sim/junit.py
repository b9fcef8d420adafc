"""What came of scenarios as JUnit XML, which CI servers draw.

Source: the schema of the Ant JUnit task, as Jenkins and GitLab read it: ``testsuite`` with
``testcase``, which holds ``failure`` if something was not as expected.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sim.stage import End, Played
from sim.table import table


def report(played: Sequence[Played]) -> str:
    """The file's text. Its times are virtual seconds."""
    missed = sum(each.end is not End.PASSED for each in played)
    seconds = sum(each.virtual_ms for each in played) / 1_000
    suites = Element("testsuites")
    suite = SubElement(
        suites,
        "testsuite",
        name="quench scenarios",
        tests=str(len(played)),
        failures=str(missed),
        errors="0",
        skipped="0",
        time=f"{seconds:.3f}",
    )
    for each in played:
        case = SubElement(
            suite,
            "testcase",
            classname="quench.scenarios",
            name=each.script.path.stem,
            file=str(each.script.path),
            time=f"{each.virtual_ms / 1_000:.3f}",
        )
        if each.end is not End.PASSED:
            failure = SubElement(case, "failure", type=each.end.value, message=each.told[-1])
            failure.text = "\n".join(each.told)
            SubElement(case, "system-out").text = "\n".join(
                table(each.trace, violation=each.violation)
            )
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"

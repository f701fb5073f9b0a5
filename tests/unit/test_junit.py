"""JUnit XML: valid by the schema of those who read it, one case for each limit and artifact, the same bytes again."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from judged_reports import JUDGED, any_report, judged

import compressor
from compressor.report import junit, parity_limit, schema
from compressor.report.cases import Case, cases_of
from compressor.report.evidence import Divergence
from compressor.report.schema import Report, place


@cache
def jenkins() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).resolve().parents[1] / "data" / "junit.xsd")


def written(report: Report, **asked: Any) -> str:
    return junit.render(cases_of(report), junit.properties_of(report), "all", **asked)


def read(text: str) -> dict[str, ElementTree.Element]:
    """Test cases by class and name."""
    jenkins().validate(text)
    found = list(ElementTree.fromstring(text.encode()).iter("testcase"))
    by_name = {f"{case.get('classname')}.{case.get('name')}": case for case in found}
    assert len(by_name) == len(found)
    return by_name


def test_every_judgement_is_a_case_of_its_own() -> None:
    cases = read(written(judged()))
    host, coral = "compressor.digits_cnn.prune50_int8.host.", "compressor.digits_cnn.prune50_int8.coral."
    drop = cases[f"{host}max_accuracy_drop: tflite int8 on litert"].find("failure")
    assert drop is not None
    assert (drop.get("type"), drop.get("message")) == (
        "failed",
        "row 1: max_accuracy_drop: expected at most 1, received 1.8",
    )
    assert "what to do: see where it is lost" in str(drop.text)
    strange = cases[f"{coral}max_accuracy_drop: tflite int8 on litert_reference"].find("failure")
    assert strange is not None
    assert strange.get("type") == "implausible"
    assert list(cases[f"{coral}min_agreement: tflite int8 on litert_reference"]) != []
    limits = [name for name in cases if ": " in name and "finished" not in name and "parity" not in name]
    assert len(limits) == len(JUDGED)


def test_what_failed_or_was_skipped_before_any_limit_is_told() -> None:
    cases = read(written(judged()))
    failed = cases["compressor.digits_cnn.prune50_int8.host.finished: onnx int8 on onnxruntime"].find("error")
    assert failed is not None
    assert "the onnx converter refused int8: a | b" in str(failed.get("message"))
    skipped = cases["compressor.digits_cnn.prune50_int8.coral.finished: tflite int8 on edgetpu"].find("skipped")
    assert skipped is not None
    assert str(skipped.get("message")).startswith("no Edge TPU here")
    unjudged = cases["compressor.digits_cnn.prune50_int8.not_judged.max_latency_ratio for coral"].find("skipped")
    assert unjudged is not None
    assert unjudged.get("message") == "not measured on the device itself"


@pytest.mark.parametrize(("policy", "child"), [("pass", "system-out"), ("fail", "failure")])
def test_what_is_undecided_passes_or_fails_as_the_verdict_has_it(policy: str, child: str) -> None:
    case = read(written(judged(undecided=policy)))[
        "compressor.digits_cnn.prune50_int8.host.min_agreement: tflite int8 on litert"
    ]
    (found,) = list(case)
    assert found.tag == child
    assert "row 1: min_agreement: expected at most 1, received 1.8" in str(found.text)
    assert "evaluate more samples" in str(found.text)
    assert found.get("type") == ("undecided" if policy == "fail" else None)


def test_parity_has_cases_where_it_has_a_tolerance() -> None:
    cases = {name: case for name, case in read(written(judged())).items() if "parity" in name}
    prefix = "compressor.digits_cnn.prune50_int8.parity.parity: float32 tflite float32 on"
    assert set(cases) == {f"{prefix} litert against keras", f"{prefix} litert_reference against keras"}
    # No row is about that runtime: the verdict is passed by it, and CI's must be the same.
    told = cases[f"{prefix} litert_reference against keras"].find("skipped")
    assert told is not None
    assert "at most 1e-05, received 0.25; the layer dense diverges first" in str(told.get("message"))


def test_parity_that_breaks_the_gate_fails_one_case_for_each_row() -> None:
    report = judged()
    off = Divergence(stage="conversion", layer="dense", told="the bias of `dense` is zero")
    cells = [each.model_copy(update={"within": False, "diverges": off}) for each in report.parity[:1]]
    broken = report.model_copy(
        update={"parity": cells, "verdict": parity_limit.combined(report.verdict, cells, report.rows)}
    )
    failing = [case for case in cases_of(broken) if case.fails and case.name.startswith("parity")]
    assert [(case.suite, case.name) for case in failing] == [
        ("host", "parity: tflite float32 on litert"),
        ("coral", "parity: tflite float32 on litert"),
    ]
    assert all("the bias of `dense` is zero" in case.told for case in failing)


def without_judgements(report: Report) -> Report:
    """As reports of version 1.0 are."""
    return report.model_copy(update={"verdict": report.verdict.model_copy(update={"judgements": []})})


def test_a_report_without_judgements_has_its_violations(golden: Path) -> None:
    cases = read(written(without_judgements(schema.read(golden / "two_networks.json"))))
    failing = [name for name, case in cases.items() if case.find("failure") is not None]
    assert failing == ["compressor.digit_gan.prune50_int8.host.discriminator.max_accuracy_drop: tflite int8 on litert"]


@pytest.mark.parametrize("report", ["passed", "not_passed", "two_networks"])
@pytest.mark.parametrize("undecided", ["pass", "fail"])
def test_cases_fail_where_the_gate_does_and_once(report: str, undecided: Any, golden: Path) -> None:
    gated = compressor.gate(golden / f"{report}.json", undecided=undecided)
    for each in (gated, without_judgements(gated)):
        failing = [case for case in cases_of(each) if case.fails]
        told = sorted((case.suite, case.name.partition(":")[0]) for case in failing)
        assert told == sorted((place(each.target, each.network), each.limit) for each in gated.verdict.violations)
        assert [case.outcome for case in failing if case.name.startswith("finished")] == ["error"] * (
            report == "not_passed"
        )


def test_the_same_report_gives_the_same_bytes_and_no_time() -> None:
    assert written(judged()) == written(judged())
    assert "time" not in written(judged()).replace("runtime", "")
    timed = written(judged(), timestamp="2026-01-02T03:04:05")
    assert timed.count(' timestamp="2026-01-02T03:04:05"') == timed.count("<testsuite ")
    jenkins().validate(timed)


def test_properties_say_what_it_was_made_of() -> None:
    root = ElementTree.fromstring(written(judged()).encode())
    suite = root.find("testsuite")
    assert suite is not None
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert (told["model"], told["recipe"], told["version.tensorflow"]) == ("digits_cnn", "prune50_int8", "2.21.0")
    assert told["sha256.artifacts/tflite/digits_cnn_compressed_int8.tflite"] == "b" * 64


def test_cases_of_one_name_are_kept_apart() -> None:
    report = judged()
    twice = report.model_copy(update={"rows": [*report.rows, *report.rows]})
    names = [(case.classname, case.name) for case in cases_of(twice)]
    assert len(set(names)) == len(names)
    assert any(name.endswith(" #2") for _, name in names)


def count(suite: ElementTree.Element, name: str) -> int:
    return int(suite.get(name, "0"))


@given(any_report())
def test_any_text_gives_valid_xml_whose_counts_are_right(report: Report) -> None:
    text = written(report)
    cases = read(text)
    root = ElementTree.fromstring(text.encode())
    assert len(cases) == len(cases_of(report)) == count(root, "tests")
    for suite in root.iter("testsuite"):
        assert count(suite, "tests") == len(suite.findall("testcase"))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert count(suite, name) == len(suite.findall(f"testcase/{tag}"))
    fails = sum(case.fails for case in cases_of(report))
    assert count(root, "failures") + count(root, "errors") == fails


def test_signs_that_xml_has_no_place_for_are_replaced() -> None:
    case = Case("a\x00", "b", "c\x1b\ufffe", "failed", fails=True, told="d\x08\ud800 <&>\"'\te")
    text = junit.render([case], {"\x01": "\x02"}, "\x03")
    failure = next(iter(read(text).values())).find("failure")
    assert failure is not None
    assert (failure.text, failure.get("message")) == ("d\ufffd\ufffd <&>\"'\te",) * 2


@pytest.mark.parametrize(
    ("before", "after"),
    [(' name="all"', ' nom="all"'), ("skipped", "ignored"), (' tests="', ' tests="x'), (" classname=", " class=")],
)
def test_the_schema_of_the_tests_refuses_what_readers_refuse(before: str, after: str) -> None:
    text = written(judged())
    assert before in text
    with pytest.raises(xmlschema.XMLSchemaException):
        jenkins().validate(text.replace(before, after))

"""Shows what tests have told, also those that other processes ran."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if isinstance(report, pytest.TestReport) and report.when == "call":
            for line in (line for name, line in report.user_properties if name == "told"):
                terminalreporter.write_line(str(line))

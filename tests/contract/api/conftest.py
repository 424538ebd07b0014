"""Says at the end what was fuzzed: how much of a contract was tried is part of the result."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each scenario that passed."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "fuzzed":
                scenario = report.nodeid.partition("[")[2].removesuffix("]")
                terminalreporter.write_line(f"fuzzed, {scenario}: {text}")

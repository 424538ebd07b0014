"""The wake switch in the SSM Parameter Store: a standard parameter, which costs nothing."""

from datetime import datetime

from tinyllama.adapters.aws_json import AwsError, AwsJson
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.wake_switch import PARAMETER, WakeSwitch, WakeSwitchError, dumped, parsed


class WakeParameter:
    """`/tinyllama/wake`; every method raises `WakeSwitchError`."""

    def __init__(self, aws: AwsJson) -> None:
        self._aws = aws

    def read(self) -> WakeSwitch:
        """As it was set. Without a parameter nobody has forbidden anything."""
        try:
            found = self._aws.call("ssm", "GetParameter", {"Name": PARAMETER})
        except AwsError as error:
            if error.code == "ParameterNotFound":
                return WakeSwitch()
            raise WakeSwitchError(f"{PARAMETER}: {error}") from error
        except QueueUnavailableError as error:
            raise WakeSwitchError(f"{PARAMETER}: {error}") from error
        return parsed(str(found["Parameter"]["Value"]))

    def write(self, switch: WakeSwitch, now: datetime) -> None:
        """Set it; `now` says since when, unless the switch does. To set it again does no harm."""
        told = WakeSwitch(switch.enabled, switch.reason, switch.since or now, switch.until)
        wanted = {"Name": PARAMETER, "Value": dumped(told), "Type": "String", "Overwrite": True}
        try:
            self._aws.call("ssm", "PutParameter", wanted)
        except (AwsError, QueueUnavailableError) as error:
            raise WakeSwitchError(f"{PARAMETER}: {error}") from error

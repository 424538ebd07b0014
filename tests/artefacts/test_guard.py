"""The guard finds what must not be there: first with planted files, then on the real artefacts."""

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.artefacts.making import ROOT, Artefacts

X86_64, ARM64 = b"\x3e\x00", b"\xb7\x00"
CORE = "pydantic_core/_pydantic_core.cpython-312-x86_64-linux-gnu.so"
Guard = Callable[..., tuple[int, str]]


def elf(machine: bytes, needs: str = "GLIBC_2.17") -> bytes:
    """An ELF header, as far as anybody looks at it, and what a linker leaves in the file."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine + bytes(44) + needs.encode() + b"\0"


def guard(*arguments: Path | str) -> tuple[int, str]:
    command = ["bash", str(ROOT / "ci" / "disallow_native.sh"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture(params=["folder", "zip"])
def check(request: pytest.FixtureRequest, tmp_path: Path) -> Guard:
    """Guards a folder with one innocent and one planted file, or a zip of the same."""

    def check(name: str, content: bytes, *architecture: str) -> tuple[int, str]:
        folder = tmp_path / "tree"
        for path, planted in (("app/__init__.py", b"\n"), (name, content)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(planted)
        if request.param == "folder":
            return guard(folder, *architecture)
        return guard(shutil.make_archive(str(tmp_path / "tree"), "zip", folder), *architecture)

    return check


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app/fast.so", b"whatever it is"),
        ("app/libfast.so.1", b""),
        ("app/fast.pyd", b""),
        ("app/fast.dylib", b""),
        ("app/data.bin", elf(X86_64)),
        ("app/no suffix", elf(ARM64)),
        ("app/looks_like.py", elf(X86_64)),
        ("app/mac", b"\xcf\xfa\xed\xfe" + bytes(20)),
        ("app/windows", b"MZ\x90\x00" + bytes(20)),
    ],
)
def test_native_code_in_the_function_is_found_by_name_or_content(check: Guard, name: str, content: bytes) -> None:
    code, said = check(name, content)
    assert code == 1
    assert f"{name}: is native code, which belongs into the layer" in said


@pytest.mark.parametrize("content", [b"", b"\x7f", b"\x7fEL", b"import os\n", bytes(64)])
def test_whatever_is_not_native_passes(check: Guard, content: bytes) -> None:
    assert check("app/data.bin", content) == (0, "")


@pytest.mark.parametrize(
    ("content", "architecture", "what"),
    [
        (elf(ARM64), "x86_64", "is for arm64, this layer is for x86_64"),
        (elf(X86_64), "arm64", "is for x86_64, this layer is for arm64"),
        (elf(b"\x28\x00"), "arm64", "is for another machine"),
        (b"not ELF", "x86_64", "is for no ELF file"),
        (elf(X86_64, "GLIBC_2.17\0GLIBC_2.35"), "x86_64", "needs glibc 2.35, Lambda has 2.34"),
        (elf(X86_64, "libc.musl-x86_64.so.1"), "x86_64", "is for musl"),
    ],
)
def test_a_library_that_lambda_cannot_load_is_found_in_the_layer(
    check: Guard, content: bytes, architecture: str, what: str
) -> None:
    code, said = check("python/fast.abi3.so", content, architecture)
    assert code == 1
    assert what in said


def test_a_library_for_another_python_is_found_in_the_layer(check: Guard) -> None:
    code, said = check("python/fast.cpython-311-x86_64-linux-gnu.so", elf(X86_64), "x86_64")
    assert (code, "is for another Python than cpython-312" in said) == (1, True)


@pytest.mark.parametrize(("machine", "architecture"), [(X86_64, "x86_64"), (ARM64, "arm64")])
def test_a_fitting_library_passes_in_the_layer(check: Guard, machine: bytes, architecture: str) -> None:
    assert check("python/fast.abi3.so", elf(machine, "GLIBC_2.34"), architecture) == (0, "")


def test_the_real_artefacts_pass_and_no_layer_passes_for_the_other(artefacts: Artefacts) -> None:
    assert guard(artefacts.function) == (0, "")
    for mine, other in (("x86_64", "arm64"), ("arm64", "x86_64")):
        assert guard(artefacts.layer(mine), mine) == (0, "")
        code, said = guard(artefacts.layer(mine), other)
        with zipfile.ZipFile(artefacts.layer(mine)) as layer:
            natives = sum(name.endswith(".so") for name in layer.namelist())
        assert natives > 0
        assert (code, said.count(f"is for {mine}, this layer is for {other}")) == (1, natives)
        assert guard(artefacts.layer(mine))[0] == 1, "a layer is no function"


def test_a_real_library_of_the_other_architecture_is_found_among_the_right_ones(
    artefacts: Artefacts, tmp_path: Path
) -> None:
    with zipfile.ZipFile(artefacts.layer("x86_64")) as layer:
        layer.extractall(tmp_path)
    with zipfile.ZipFile(artefacts.layer("arm64")) as other:
        (tmp_path / "python" / CORE).write_bytes(other.read(f"python/{CORE.replace('x86_64', 'aarch64')}"))
    code, said = guard(tmp_path, "x86_64")
    assert (code, said) == (1, f"disallow_native: python/{CORE}: is for arm64, this layer is for x86_64\n")


@pytest.mark.parametrize("arguments", [[], ["no-such.zip"], [__file__], [Path(__file__).parent, "riscv"]])
def test_what_cannot_be_checked_does_not_pass(arguments: list[Path | str]) -> None:
    assert guard(*arguments)[0] == 2


def test_an_empty_folder_does_not_pass(tmp_path: Path) -> None:
    assert guard(tmp_path)[0] == 2

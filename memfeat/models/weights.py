"""Where weights come from: located, verified by hash, never imported and never guessed."""

import hashlib
import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from memfeat._check import advice, listed
from memfeat.errors import MissingFileError, MissingPackageError, WeightsError

__all__ = [
    "LICENCE",
    "RELEASED_SHA256",
    "RELEASED_TENSORS_SHA256",
    "cached",
    "digest",
    "digits",
    "file_sha256",
    "part",
    "read",
    "released_path",
    "released_state",
    "state_of",
]

log = logging.getLogger(__name__)

#: Of `model.pt` in resmem 1.1.6, which is also the object id of "final release retrain model" in its repository.
RELEASED_SHA256 = "8e4b8ab0ac338909add68a674e9bd4c1602350731abe7f97bc060dc159706a53"
#: `digest` of the network with those weights.
RELEASED_TENSORS_SHA256 = "be79d0b6cee7df6e3915552989d91f8ed26526ccb4ab38555df43e94e9541276"
LICENCE = (
    "ResMem weights: ResMem Non-commercial License, © 2021 The University of Chicago; read from the installed "
    "'resmem' package. For noncommercial purposes only."
)

SAVED_SO = "Write it with torch.save(module.state_dict(), path)."


def released_path() -> Path:
    """Find the released checkpoint in the installed `resmem` package, without importing that package.

    Returns
    -------
    Path
        The file `model.pt`.

    Raises
    ------
    MissingPackageError
        If `resmem` is not installed.
    MissingFileError
        If it is installed without its weights.
    """
    spec = importlib.util.find_spec("resmem")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            advice(
                "resmem", "be installed, because it carries the weights", listed("nothing"), "pip install resmem==1.1.6"
            )
        )
    path = Path(next(iter(spec.submodule_search_locations))) / "model.pt"
    if not path.is_file():
        remedy = "Install the released wheel: pip install --force-reinstall --no-deps resmem==1.1.6"
        raise MissingFileError(advice("resmem", "carry its weights", listed(f"no file {path}"), remedy))
    return path


def released_state() -> dict[str, Tensor]:
    """Read the released checkpoint, and log its licence.

    Returns
    -------
    dict of Tensor
        Its 956 tensors.

    Raises
    ------
    MissingPackageError, MissingFileError, WeightsError
        If it is absent, or not the one that was released.
    """
    log.info(LICENCE)
    return read(released_path(), sha256=RELEASED_SHA256)


def part(state: Mapping[str, Tensor], prefix: str, *, without: bool = False) -> dict[str, Tensor]:
    """Take the tensors under a prefix out of a state dict.

    Parameters
    ----------
    state : mapping of Tensor
        Names and tensors.
    prefix : str
        How their names begin; it is cut off.
    without : bool
        Take all others instead, under their full names.

    Returns
    -------
    dict of Tensor
        The part.
    """
    if without:
        return {name: value for name, value in state.items() if not name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def file_sha256(path: Path) -> str:
    """Compute the sha256 of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """Read a state dict onto the CPU, after checking the file's hash.

    Parameters
    ----------
    path : Path
        A file written by `torch.save`.
    sha256 : str, optional
        What its hash must be.

    Returns
    -------
    dict of Tensor
        The state dict.

    Raises
    ------
    MissingFileError
        If there is no such file.
    WeightsError
        If the hash differs, or the file holds no state dict.
    """
    if not path.is_file():
        remedy = "Check the path; it is looked up from the working directory."
        raise MissingFileError(advice("weights", "name a file that exists", str(path), remedy))
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        remedy = f"The file is damaged or another one; install it again: {path}"
        raise WeightsError(advice("weights", f"have sha256 {sha256}", found, remedy))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises nearly anything on a file that is none of its own
        # torch's own message advises loading without safety, which is no advice of ours.
        raise WeightsError(advice("weights", "be a file of tensors", str(path), SAVED_SO)) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(advice("weights", "hold a state dict (names and tensors)", str(path), SAVED_SO))
    return state


def digits(url: str) -> str:
    """Read off a published file's name how its sha256 begins.

    Parameters
    ----------
    url : str
        Its address.

    Returns
    -------
    str
        Hexadecimal digits; empty if the name has none.
    """
    stem = Path(url).stem
    return stem.rsplit("-", 1)[-1] if "-" in stem else ""


def cached(url: str, *, remedy: str) -> Path:
    """Give the cached copy of published weights, downloading it once.

    Parameters
    ----------
    url : str
        Where they are; the file name carries the first digits of its hash, which are checked.
    remedy : str
        What to do without a network.

    Returns
    -------
    Path
        The file in torch's own cache folder.

    Raises
    ------
    WeightsError
        If they can neither be found in the cache nor downloaded, or are damaged.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    beginning = digits(url)
    if path.is_file():
        if not file_sha256(path).startswith(beginning):
            rule = f"have a sha256 that starts with {beginning}"
            raise WeightsError(advice("weights", rule, str(path), "Delete that file and load again."))
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=beginning or None, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        rule = "be in the cache or reachable over the network"
        raise WeightsError(advice("weights", rule, listed(f"{url} ({error})"), remedy)) from error
    return path


def state_of(module: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Put a state dict into a module, every tensor of it and nothing else.

    Parameters
    ----------
    module : nn.Module
        The module; its tensors are replaced by those of `state`.
    state : mapping of Tensor
        Names and tensors.
    source : str
        Where they came from, for the message.

    Raises
    ------
    WeightsError
        If names or shapes are not the module's own.
    """
    own = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    other = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
    if wrong:
        rule = f"fit the network ({len(own)} tensors)"
        raise WeightsError(advice("weights", rule, listed(f"{source}, which differs in {listed.of(wrong)}")))
    module.load_state_dict(dict(state), assign=True)
    module.requires_grad_(False)


def digest(module: nn.Module) -> str:
    """Compute the sha256 of a module's parameters and buffers: names, types, shapes and bytes.

    Parameters
    ----------
    module : nn.Module
        Any module.

    Returns
    -------
    str
        64 hexadecimal digits; equal for equal weights, whatever the device or memory layout.
    """
    sha = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        sha.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        sha.update(_bytes(value))
    return sha.hexdigest()


def _bytes(value: Tensor) -> Any:
    plain = value.detach().cpu().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy() if plain.numel() else b""

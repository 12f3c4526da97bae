"""Tests of the example of seamless textures, in a few steps on small images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.needs("torch")

SIZE = 48


@pytest.fixture(autouse=True)
def photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph where scikit-image is not installed: stripes and noise."""
    torch = pytest.importorskip("torch")
    from examples.seamless import __main__, network

    def load() -> object:
        stripes = torch.sin(torch.arange(128.0))[None, None, None] + torch.zeros(1, 1, 128, 1)
        return stripes + 0.5 * torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(network, "load_photograph", load)
    monkeypatch.setattr(__main__, "NEEDED", ("torch", "matplotlib"))


def test_it_runs_and_says_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    from examples.seamless.__main__ import main

    output = tmp_path / "seamless.png"
    assert main(["--fast", "--output", str(output)]) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr()
    assert said.err.count("training: ") == 3
    names = ("tile, zeros", "tile, circular", "panorama, zeros", "panorama, (zeros, circular)")
    assert all(name in said.out for name in names)


def test_no_file_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from examples.seamless.__main__ import main

    output = tmp_path / "mine.png"
    output.write_text("mine")
    for asked, said in (
        (["--output", str(output)], "--force"),
        (["--output", str(tmp_path / "no" / "folder.png")], "there is no folder"),
        (["--output", str(tmp_path / "a.png"), "--steps", "0"], "must be 1 or more"),
    ):
        with pytest.raises(SystemExit) as refused:
            main(asked)
        assert (refused.value.code, said in capsys.readouterr().err) == (2, True)
    assert output.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


def test_a_seed_makes_one_network() -> None:
    import torch

    from examples.seamless import network

    def trained(seed: int) -> torch.Tensor:
        torch.rand(1)  # whatever was drawn before
        made = network.train(network.load_photograph(), steps=2, size=SIZE, seed=seed, on_step=lambda *step: None)
        return torch.cat([parameter.detach().flatten() for parameter in made.parameters()])

    first = trained(0)
    assert torch.equal(first, trained(0))
    assert not torch.equal(first, trained(1))


def test_what_is_repadded_wraps_around_and_is_undone() -> None:
    import torch

    from examples.seamless import network
    from examples.seamless.seams import make_images

    model = network.make_network()
    keys, modes = list(model.state_dict()), [getattr(module, "padding_mode", "") for module in model]
    tile, wrapped, panorama, joined = make_images(model, size=SIZE, seed=0)[0]
    assert [image.pixels.shape for image in (tile, panorama)] == [(SIZE, SIZE), (SIZE, 6 * SIZE)]
    assert all(image.seam < before.seam for before, image in ((tile, wrapped), (panorama, joined)))
    assert [getattr(module, "padding_mode", "") for module in model] == modes
    assert list(model.state_dict()) == keys
    again = make_images(model, size=SIZE, seed=0)[0]
    np.testing.assert_array_equal(again[0].pixels, tile.pixels)

    import convpad.torch

    noise = network.make_noise(1, SIZE, SIZE, torch.Generator().manual_seed(0))
    with torch.no_grad(), convpad.torch.repad_(model, "circular"):
        out, rolled = model(noise), model(noise.roll((1, 2), (2, 3)))
    torch.testing.assert_close(rolled, out.roll((network.SHRINK, 2 * network.SHRINK), (2, 3)), rtol=0, atol=1e-5)


def test_the_distance_is_zero_for_the_same_patches_alone() -> None:
    import torch

    from examples.seamless import network

    photograph = network.load_photograph()
    crop, generator = photograph[:, :, :48, :48], torch.Generator().manual_seed(0)
    assert float(network.patch_distance(crop, crop, generator)) == 0
    assert float(network.patch_distance(crop, 2 * crop, generator)) > 0.1

"""Training/README.md, command by command, on the miniature of ReMIND; then what came of it."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError, load_bundle, synthesize
from mmhvae.cli import main as mmhvae_main
from mmhvae.images.volumes import same_grid
from mmhvae_training.export.monai_network import FixedChannelMMHVAE
from mmhvae_training.loop.checkpoints import CHECKPOINT

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"Training/configs/paper.yaml": "Training/configs/tiny.yaml"}  # as the README says
#: To save time.
MORE = {
    "make_miniature_remind.py": ["--cases", "4"],
    "evaluate.py table": ["--slices", "8"],
    "evaluate.py figures": ["--count", "1"],
}


def commands() -> list[list[str]]:
    """All commands of the numbered sections."""
    text = (ROOT / "Training" / "README.md").read_text(encoding="utf-8")
    path = text[text.index("## 1.") : text.index("## How the starter bundle was made")]
    blocks = re.findall(r"```sh\n(.*?)```", path, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"readme_{Path(name).stem}", ROOT / name)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The folder in which every command was run, one after the other."""
    pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
    folder = tmp_path_factory.mktemp("researcher")
    (folder / "Training").symlink_to(ROOT / "Training")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for program, *arguments in commands():
            if program.endswith("mmhvae"):
                assert mmhvae_main(arguments) == 0, arguments
                continue
            name, *options = [SMALL.get(argument, argument) for argument in arguments]
            more = [*MORE.get(Path(name).name, []), *MORE.get(f"{Path(name).name} {options[0]}", [])]
            patch.setattr(sys, "argv", [name, *options, *more])
            script(name).main()
    return folder


def test_the_path_ends_with_a_bundle_that_synthesises(path):
    bundle = load_bundle(path / "bundle")
    us = sitk.ReadImage(str(path / "prepared" / "Case001" / "us.nii.gz"), sitk.sitkFloat32)
    image = sitk.ReadImage(str(path / "synthetic" / "t2.nii.gz"))
    assert same_grid(image, us)
    assert sitk.GetArrayViewFromImage(image).max() > 0
    assert bundle.manifest.name == "remind"
    assert bundle.manifest.spacing_mm == 1.0  # tiny.yaml's
    assert bundle.manifest.training["steps_done"] == 12
    weights = torch.load(path / "runs" / "remind" / CHECKPOINT, weights_only=True)["average"]
    assert all(torch.equal(value, weights[name]) for name, value in bundle.network.state_dict().items())


def test_the_model_card_holds_facts_and_nothing_half_empty(path):
    card = load_bundle(path / "bundle").card
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert titles == ["Intended use", "Model", "Training data", "Training", "Evaluation", "Limitations", "Licence"]
    for section in re.split(r"^#.*$", card, flags=re.MULTILINE)[2:]:
        assert len(section.split()) > 4
    assert not re.search(r"TODO|TBD|None|nan|unknown|\{|\}|\| \|", card)
    assert "12 steps of the run remind" in card
    assert "10.7937/3RAG-D070" in card
    assert re.search(r"\| iUS \| T2 \| \d \| \d", card)
    assert "| loss.kl_weight | 0.001 |" in card
    assert "2 cases, none of them trained on" in card
    assert card.lower().count("not approved for clinical use") == 1
    assert str(path) not in card


def test_tables_and_figures_are_there(path):
    found = {str(p.relative_to(path / "evaluation")) for p in (path / "evaluation").rglob("*") if p.is_file()}
    assert {"remind/table.md", "cold/table.md", "figures/harmonisation.png", "figures/latents.png"} <= found
    tested = {line.split(",")[0] for line in (path / "splits/fold-0.csv").read_text().split() if line.endswith(",test")}
    assert {p.stem for p in (path / "evaluation" / "remind" / "slices").iterdir()} == tested
    assert "Paired Wilcoxon" in (path / "evaluation" / "comparison.md").read_text()


def export(path: Path, monkeypatch, *options: object) -> None:
    monkeypatch.chdir(path)
    monkeypatch.setattr(sys, "argv", ["export.py", *map(str, options)])
    script("Training/export.py").main()


def test_an_export_that_cannot_be_made_says_why(path, monkeypatch, tmp_path):
    output = tmp_path / "new"
    run = ("--run", "runs/remind", "--output", output)
    for options, sentence in (
        (run, "A model card needs --data .* and --licence; or give --card"),
        (("--run", "prepared", "--output", output), r"prepared holds no run\.json"),
        ((*run, "--card", "nowhere.md"), r"The model card nowhere\.md cannot be read"),
        ((*run, "--evaluation", "splits"), "splits holds no evaluation"),
        ((*run, "--weights", "runs/remind/average-000006.pt", "--evaluation", "evaluation/remind"), "other weights"),
        ((*run, "--weights", "splits/fold-0.csv"), "cannot be read as a checkpoint"),
        ((*run, "--weights", f"runs/remind/{CHECKPOINT}"), "is no kept average"),
    ):
        with pytest.raises(InputError, match=sentence):
            export(path, monkeypatch, *options)
    assert not output.exists()
    (tmp_path / "card.md").write_text("# Mine\n")
    export(path, monkeypatch, *run, "--card", tmp_path / "card.md", "--weights", "runs/remind/average-000006.pt")
    bundle = load_bundle(output)
    assert (bundle.card, bundle.manifest.training["steps_done"]) == ("# Mine\n", 6)


@pytest.fixture
def monai(path, monkeypatch):
    """MONAI's bundle tools, with the bundle's folder on the path, as its users have it."""
    bundle = pytest.importorskip("monai.bundle", reason="needs the extra 'training'")
    monkeypatch.syspath_prepend(str(path / "monai-bundle"))
    monkeypatch.chdir(path / "monai-bundle")
    yield bundle
    for name in [name for name in sys.modules if name.split(".")[0] == "scripts"]:
        del sys.modules[name]


def test_monai_verifies_loads_and_runs_its_bundle(path, monai, tmp_path):
    configs = {"meta_file": "configs/metadata.json", "config_file": "configs/inference.json"}
    monai.verify_net_in_out(net_id="network_def", device="cpu", **configs)
    override = {"_meta_#network_data_format#outputs#pred#num_channels": 3}
    with pytest.raises(ValueError, match="output channel number"):
        monai.verify_net_in_out(net_id="network_def", device="cpu", **configs, **override)
    network = monai.load("monai-bundle", bundle_dir=str(path), workflow_type="inference", device="cpu").eval()
    weights = load_bundle(path / "bundle").network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in network.mmhvae.state_dict().items())
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "Case001").symlink_to(path / "prepared" / "Case001")
    monai.run(**configs, dataset_dir=str(tmp_path / "cases"), output_dir=str(tmp_path / "out"), device="cpu")
    images = {
        name: sitk.ReadImage(str(path / "prepared" / "Case001" / f"{name}.nii.gz"), sitk.sitkFloat32)
        for name in ("us", "t2", "cet1", "flair")
    }
    expected = synthesize(load_bundle(path / "bundle"), images, ["flair"], samples=1, device="cpu").images["flair"]
    found = sitk.ReadImage(str(tmp_path / "out" / "Case001" / "flair.nii.gz"))
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected), atol=1e-5)


def test_the_metadata_tells_every_channel(path):
    metadata = json.loads((path / "monai-bundle" / "configs" / "metadata.json").read_text())
    image, pred = metadata["network_data_format"]["inputs"]["image"], metadata["network_data_format"]["outputs"]["pred"]
    assert (image["num_channels"], pred["num_channels"]) == (8, 4)
    assert list(pred["channel_def"].values()) == ["iUS", "T2", "ceT1", "FLAIR"]
    assert image["channel_def"]["5"] == "T2 is present (1) or not (0)"
    assert all(metadata[key] for key in metadata)


def test_a_batch_of_different_subsets_goes_through_fixed_channels(path):
    network = load_bundle(path / "bundle").network
    fixed = FixedChannelMMHVAE(**vars(network.config)).eval()
    fixed.mmhvae.load_state_dict(network.state_dict())
    images = torch.rand(3, 4, 16, 16) * 2 - 1
    presence = torch.zeros(3, 4, 16, 16)
    for index, which in enumerate(([0], [1, 3], [0])):
        presence[index, which] = 1
    with torch.inference_mode():
        output = fixed(torch.cat([images, presence], 1))
        us = network({"us": images[[0, 2], :1]}, temperature=0).images
        mr = network({"t2": images[1:2, 1:2], "flair": images[1:2, 3:]}, temperature=0).images
    for channel, name in enumerate(network.config.modalities):
        torch.testing.assert_close(output[[0, 2], channel : channel + 1], us[name])
        torch.testing.assert_close(output[1:2, channel : channel + 1], mr[name])
    with pytest.raises(ValueError, match="At least one modality should be present"):
        fixed(torch.cat([images, torch.zeros_like(presence)], 1))
    with pytest.raises(ValueError, match="should have 8 channels"):
        fixed(images)

"""Configurations: every shipped file, overrides, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from mmhvae import InputError
from mmhvae_training.configuration.configuration import Configuration
from mmhvae_training.configuration.parsing import parse_settings, setting_names

CONFIGS = Path(__file__).resolve().parents[3] / "Training" / "configs"
NEEDED = ["--data.cases", "cases", "--run", "run"]


def from_files(*names: str):
    given = [argument for name in names for argument in ("--config", str(CONFIGS / name))]
    return parse_settings([*given, *NEEDED], Configuration).configuration


def test_every_shipped_configuration_can_be_used():
    wrong = []
    others = [*CONFIGS.glob("baselines/*.yaml"), *CONFIGS.glob("personalised/*.yaml")]  # of other parsers
    for path in sorted({*CONFIGS.rglob("*.yaml")} - {*others}):
        request = parse_settings(["--config", str(path), *NEEDED], Configuration)
        groups = set(yaml.safe_load(request.text))
        even = request.configuration.data.batch_size % 2 == 0  # two devices can share it
        if not (even and groups >= {"data", "architecture", "loss", "adversarial", "start_from"}):
            wrong.append(path.name)
    assert wrong == []


def test_the_paper_and_the_release_differ_where_model_md_says():
    paper, release = from_files("paper.yaml"), from_files("release.yaml")
    assert (paper.mixture.subsets, release.mixture.subsets) == ("paper", "release")
    assert (paper.loss.norm, release.loss.norm) == ("l2", "l1")
    assert (paper.adversarial.missing, release.adversarial.missing) == ("train", "skip")
    assert (paper.adversarial.pool_size, release.adversarial.pool_size) == (1, 32)
    assert release.adversarial.discriminators_from == 790
    assert paper.adversarial.generator_from == release.adversarial.generator_from == 800
    assert paper.architecture.latent_shapes[-1] == (8, 192, 192)


def test_later_settings_win_and_leave_their_neighbours_alone():
    files = ["--config", str(CONFIGS / "paper.yaml"), "--config", str(CONFIGS / "ablations" / "no-gan.yaml")]
    config = parse_settings([*files, "--adversarial.base_width", "8", *NEEDED], Configuration).configuration
    assert (config.adversarial.weight, config.adversarial.base_width, config.adversarial.pool_size) == (0, 8, 1)
    assert from_files("paper.yaml", "mopoe.yaml").variant.groups == (7,)
    assert from_files("paper.yaml", "mhvae.yaml").architecture.modalities == ("us", "t2")


def test_the_resolved_text_gives_the_same_configuration(tmp_path):
    first = parse_settings(["--config", str(CONFIGS / "starter.yaml"), "--loss.norm", "l1", *NEEDED], Configuration)
    (tmp_path / "again.yaml").write_text(first.text)
    assert (
        parse_settings(["--config", str(tmp_path / "again.yaml")], Configuration).configuration == first.configuration
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--loss.kl_wieght", "1"], "sets loss.kl_wieght, which is no setting; did you mean loss.kl_weight?"),
        (["--config", "typo.yaml"], "typo.yaml sets optimisation.epoch, .* did you mean optimisation.epochs?"),
        (["--config", "nowhere.yaml"], "nowhere.yaml cannot be read; give a YAML file that exists"),
        (["--config", "list.yaml"], "holds no settings"),
        (["--config", "broken.yaml"], "is not YAML"),
        (["--loss.norm", "l3"], "cannot be used: .*loss.norm.*l3"),
        (["--architecture.image_size", "100"], "image_size should be a multiple of"),
        (["--data.batch_size", "0"], "data.batch_size should be at least 1"),
        (["--loss.fluid_weight", "-1"], "loss.fluid_weight should not be negative"),
        (["--mixture.temperatures", "[1, 0]"], "rising range"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_wrong_configuration_gets_its_sentence(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    Path("typo.yaml").write_text("optimisation:\n  epoch: 3\n")
    Path("list.yaml").write_text("- 3\n")
    Path("broken.yaml").write_text("a: [1\n")
    with pytest.raises(InputError, match=sentence):
        parse_settings([*arguments, *NEEDED], Configuration)


def test_print_config_prints_what_can_be_read_again(capsys):
    with pytest.raises(SystemExit) as stop:
        parse_settings(["--config", str(CONFIGS / "tiny.yaml"), *NEEDED, "--print_config"], Configuration)
    assert stop.value.code == 0
    assert yaml.safe_load(capsys.readouterr().out)["architecture"]["image_size"] == 16


def test_every_setting_has_a_name():
    assert {"run", "loss.kl_weight", "architecture.modalities", "variant.fusion"} <= set(setting_names(Configuration))

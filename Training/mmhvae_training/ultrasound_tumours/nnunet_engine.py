"""nnU-Net v2 itself, on a data set of ours: planned, trained fold by fold, and asked for outlines.

Its stock trainer, planner and predictor, by their Python names; what differs from its commands is said here. It is no
dependency of ours: its networks' package wants timm, that wants torchvision, and neither is needed for plain networks.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmhvae.exceptions import InputError
from mmhvae.files import whole_file

from ..records import read_json, write_json
from .layouts import LabelledUltrasound
from .nnunet_folder import ENDING, FOLDS, ORIGIN, DataSet, number_of

#: What `pip install --no-deps` brings; all else that it imports is the extra "nnunet".
PACKAGES = ("nnunetv2==2.8.1", "dynamic-network-architectures==0.4.4")
TRAINER, PLANS = "nnUNetTrainer", "nnUNetPlans"
FINAL, LATEST = "checkpoint_final.pth", "checkpoint_latest.pth"
CONFIGURATIONS = ("3d_fullres", "2d")
_PLANNED = "planned-of.json"


def require_nnunet() -> None:
    """Raise :class:`InputError` that says how to get it, where it is not installed."""
    if importlib.util.find_spec("nnunetv2") is None:
        raise InputError(
            "nnU-Net is not installed: pip install -c constraints.txt '.[training,nnunet]', then "
            f"pip install --no-deps {' '.join(PACKAGES)}."
        )


@dataclass(frozen=True)
class NNUNet:
    """nnU-Net's three folders, and how it is run.

    Args:
        data: whose parent folder is ``nnUNet_raw``; None: it is not trained.
        work: holds ``preprocessed`` and ``results``.
        configuration: "3d_fullres" or "2d".
        device: cpu, cuda or mps.
        processes: that it may start beside its own.
    """

    data: DataSet
    work: Path
    configuration: str = "3d_fullres"
    device: str = "cpu"
    processes: int = 1

    @property
    def preprocessed(self) -> Path:
        return self.work / "preprocessed" / self.data.folder.name

    @property
    def model(self) -> Path:
        """Folder of what is trained, as nnU-Net names it: other programs read the names."""
        return self.work / "results" / self.data.folder.name / f"{TRAINER}__{PLANS}__{self.configuration}"

    def prepare(self) -> None:
        """Set the environment that nnU-Net reads when it is imported, and check that it is there.

        Raises:
            InputError: it is not installed.
        """
        require_nnunet()
        folders = {
            "nnUNet_raw": self.data.folder.resolve().parent,
            "nnUNet_preprocessed": (self.work / "preprocessed").resolve(),
            "nnUNet_results": (self.work / "results").resolve(),
        }
        for name, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            os.environ[name] = str(folder)
        _limit_processes(self.processes)

    def plan(self) -> None:
        """Check the data set as nnU-Net does, plan and preprocess, unless that was done; give it our folds.

        Raises:
            InputError: the folder was planned for other data.
        """
        digest = hashlib.sha256((self.data.folder / ORIGIN).read_bytes()).hexdigest()
        marked, wanted = self.preprocessed / _PLANNED, {"origin": digest, "configuration": self.configuration}
        if marked.is_file() and marked.read_text(encoding="utf-8") == _text(wanted):
            return
        if marked.is_file():
            raise InputError(f"{self.work} was planned for other data or configuration; choose a new --output.")
        api = importlib.import_module("nnunetv2.experiment_planning.plan_and_preprocess_api")
        number = [self.data.number]
        api.extract_fingerprints(number, num_processes=self.processes, check_dataset_integrity=True)
        api.plan_experiments(number)
        api.preprocess(number, PLANS, (self.configuration,), num_processes=[self.processes])
        shutil.copyfile(self.data.folder / FOLDS, self.preprocessed / FOLDS)
        write_json(wanted, marked)

    def train(self, fold: int, epochs: int | None = None, iterations: int | None = None) -> None:
        """Train a fold to its end, from where it was stopped if it was, then judge it as nnU-Net does.

        Args:
            fold: of the data set.
            epochs, iterations: fewer than the stock trainer's 1000 of 250.
        """
        self.data.fold(fold)
        if self.processes <= 1:
            os.environ.update({"nnUNet_n_proc_DA": "0"})  # patches are drawn in this process
        trainer = self._trainer(fold)
        if epochs is not None:
            trainer.num_epochs = epochs
        if iterations is not None:
            trainer.num_iterations_per_epoch = iterations
            trainer.num_val_iterations_per_epoch = max(1, iterations // 5)
        folder = Path(trainer.output_folder)
        begun = next((folder / name for name in (FINAL, LATEST) if (folder / name).is_file()), None)
        if begun is not None:
            trainer.load_checkpoint(str(begun))
        if begun is None or begun.name != FINAL:
            trainer.run_training()
        if not (folder / "validation" / "summary.json").is_file():
            trainer.perform_actual_validation(False)

    def _trainer(self, fold: int) -> Any:
        module = importlib.import_module("nnunetv2.training.nnUNetTrainer.nnUNetTrainer")
        plans = _json(self.preprocessed / f"{PLANS}.json")
        plans["continue_training"] = (self.model / f"fold_{fold}" / LATEST).is_file()
        return module.nnUNetTrainer(
            plans=plans,
            configuration=self.configuration,
            fold=fold,
            dataset_json=_json(self.preprocessed / "dataset.json"),
            device=torch.device(self.device),
        )


def is_nnunet_model(folder: Path) -> bool:
    """Whether a folder holds what nnU-Net trained: plans, and folds."""
    return (folder / "plans.json").is_file() and bool(trained_folds(folder))


def trained_folds(folder: Path) -> list[int]:
    """Numbers of the folds that were trained to their end."""
    names = [path.parent.name for path in folder.glob(f"fold_*/{FINAL}")]
    return sorted(int(name.removeprefix("fold_")) for name in names if name.removeprefix("fold_").isdecimal())


def file_checksums(model: Path) -> list[str]:
    """SHA-256 of the trained folds' files, which hold their weights."""
    files = (model / f"fold_{fold}" / FINAL for fold in trained_folds(model))
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def predict_with_nnunet(
    model: Path, cases: Sequence[LabelledUltrasound], output: Path, device: str = "cpu", mirroring: bool = True
) -> None:
    """Outline the tumour in each case by the mean of all trained folds; ``output/NAME.nii.gz``; what is there stays.

    Raises:
        InputError: nnU-Net is not installed.
    """
    require_nnunet()
    _limit_processes(1)
    predicting = importlib.import_module("nnunetv2.inference.predict_from_raw_data")
    predictor = predicting.nnUNetPredictor(
        use_mirroring=mirroring, device=torch.device(device), perform_everything_on_device=device != "cpu"
    )
    predictor.initialize_from_trained_model_folder(str(model), tuple(trained_folds(model)))
    output.mkdir(parents=True, exist_ok=True)
    missing = [case for case in cases if not (output / f"{case.name}{ENDING}").is_file()]
    for case in missing:  # nnU-Net writes where it is told to; a file that is there is taken for whole
        file = f"{case.name}{ENDING}"
        with TemporaryDirectory(dir=output, prefix=".") as folder, whole_file(output / file) as temporary:
            predictor.predict_from_files_sequential([[str(case.image)]], [str(Path(folder) / case.name)])
            shutil.copyfile(Path(folder) / file, temporary)


def export_zip(model: Path, path: Path) -> None:
    """The zip that `nnUNetv2_install_pretrained_model_from_zip` installs, by nnU-Net's own function.

    Raises:
        InputError: nnU-Net is not installed, or the folders are not named as it names them.
    """
    require_nnunet()
    trainer, plans, configuration = (*model.name.split("__"), "", "")[:3]
    if (trainer, plans) != (TRAINER, PLANS) or not configuration:
        raise InputError(f"{model} is not named {TRAINER}__{PLANS}__3d_fullres; give the folder that nnU-Net made.")
    os.environ.update({"nnUNet_results": str(model.resolve().parents[1])})
    number_of(model.resolve().parent.name)
    exporting = importlib.import_module("nnunetv2.model_sharing.model_export")
    folds = tuple(trained_folds(model))
    exporting.export_pretrained_model(model.resolve().parent.name, str(path), (configuration,), trainer, plans, folds)


def _limit_processes(count: int) -> None:
    """nnU-Net starts eight processes, and twelve for patches, unless it finds this when it is imported."""
    processes = str(max(1, count))  # planning takes the second one for a number of threads
    os.environ.update({"nnUNet_def_n_proc": processes, "nnUNet_n_proc_DA": processes})


def _json(path: Path) -> dict[str, Any]:
    return read_json(path, dict, "remove the folder of work, and train again.")


def _text(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"

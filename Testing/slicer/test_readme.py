"""README's sections on Slicer: what they name is there, under that name, and their first steps work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rig

rig.require()

import qt
import SampleData
import slicer
from MMHVAESynthesisLib.about import REPOSITORY as REPOSITORY_ADDRESS
from MMHVAESynthesisLib.sample_data import CATEGORY, SAMPLE, register_sample_data

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
#: Words in bold or italics that are not the module's own: menus, other modules, emphasis, names of nodes.
ELSEWHERE = {
    "Edit > Application Settings > Modules",
    "Modules > Ultrasound > MMHVAE Synthesis",
    "Modules > Ultrasound > MMHVAE Registration",
    "Additional module paths",
    "PyTorch",
    "Setup",
    "Sample Data",
    "MMHVAE",
    "MMHVAEDemo",
    "MMHVAE Synthesis",
    "On a closed network",
    "SYNTHETIC T2 of ...",
    "GOOD",
    "CHECK",
    "FAILED",
    "Registration of the pre-operative images",
}


@pytest.fixture
def module(scene):
    """The module, opened, in an empty scene."""
    return rig.load_module("MMHVAESynthesis")


def section(title: str) -> str:
    """The text under a heading of the second level."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def marked(text: str) -> set[str]:
    """What is set in bold or in italics, on one line."""
    flat = re.sub(r"\s+", " ", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))
    return {words for _, words in re.findall(r"(\*\*?)([^*]+)\1", flat)}


def ready(module) -> bool:
    return "Ready" in rig.shown_text(module)


def load_demo_case() -> None:
    """Press the sample's button in Sample Data."""
    register_sample_data()
    (source,) = SampleData.SampleDataLogic.sampleDataSourcesByCategory(CATEGORY)
    source.customDownloader(source)


def test_menu_and_module_have_these_names(module):
    about = slicer.modules.mmhvaesynthesis
    assert f"Modules > {about.categories[0]} > {about.title}" in marked(section("Install in Slicer"))
    assert {CATEGORY, SAMPLE} <= marked(section("First result in Slicer"))


@pytest.mark.parametrize("name", ["MMHVAESynthesis", "MMHVAERegistration"])
def test_the_modules_help_leads_to_a_section_and_a_page_that_are_here(scene, name):
    rig.load_module(name)
    help_text = getattr(slicer.modules, name.lower()).helpText
    anchors = re.findall(rf'href="{re.escape(REPOSITORY_ADDRESS)}#([^"]+)"', help_text)
    headings = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"\n#+ (.*)", README)]
    assert len(anchors) == 1
    assert set(anchors) <= set(headings)
    (page,) = re.findall(rf'href="{re.escape(REPOSITORY_ADDRESS)}/blob/main/([^"]+)"', help_text)
    assert (REPOSITORY / page).is_file()


def test_what_the_sections_name_is_to_be_read_in_the_panel(module):
    load_demo_case()
    rig.wait_until(lambda: ready(module), 120, "the line Ready")
    panel = module.self()
    rig.click(panel.ui.checkSetupButton)
    rig.wait_until(lambda: "All is well." in rig.shown_text(module), 300, "the end of the check")
    shown = rig.shown_text(module)
    named = marked(section("Install in Slicer")) | marked(section("First result in Slicer"))
    assert {words for words in named - ELSEWHERE if words not in shown} == set()


def test_what_the_section_on_registration_names_is_to_be_read_in_its_panel(module):
    load_demo_case()
    registration = rig.load_module("MMHVAERegistration")
    registration.window().resize(1400, 1000)
    rig.process_events()
    about = slicer.modules.mmhvaeregistration
    text = section("First result: registration in Slicer")
    assert f"Modules > {about.categories[0]} > {about.title}" in marked(text)
    rig.wait_until(lambda: ready(registration), 120, "the line Ready")
    panel = registration.self()
    for folded in (panel.ui.startSection, panel.ui.landmarksSection, panel.ui.advancedSection):
        if folded.collapsed:
            rig.click(folded)
    shown = rig.shown_text(registration)
    assert {words for words in marked(text) - ELSEWHERE if words not in shown} == set()
    ticked = [panel.ui.movesList.item(row) for row in range(panel.ui.movesList.count)]
    assert [item.text().split("   ")[0] for item in ticked if item.checkState() == qt.Qt.Checked][1:] == [
        "Demo tumour (simulated)",
        "Demo landmarks in the MR (simulated)",
    ]
    assert not panel.ui.sweepRow.isHidden()


def test_its_pictures_and_links_lead_somewhere():
    targets = set(re.findall(r"\]\(([^)#:]+)\)", README))
    assert {target for target in targets if not (REPOSITORY / target).exists()} == set()

"""What Slicer loads: the module's name and description; everything else is in MMHVAERegistrationLib."""

from MMHVAERegistrationLib.logic import MMHVAERegistrationLogic  # noqa: F401 - found here by Slicer
from MMHVAERegistrationLib.test import MMHVAERegistrationTest  # noqa: F401
from MMHVAERegistrationLib.widget import MMHVAERegistrationWidget  # noqa: F401
from MMHVAESynthesisLib.about import CONTRIBUTORS, acknowledgement, documentation_link
from slicer.i18n import tr as _, translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class MMHVAERegistration(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MMHVAE Registration")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Ultrasound")]
        self.parent.dependencies = ["Colors", "Markups", "MMHVAESynthesis", "Segmentations", "Sequences"]
        self.parent.contributors = CONTRIBUTORS
        self.parent.helpText = _(
            "Brings the pre-operative MR, with its outlines and plans, back onto the brain as the intraoperative"
            " ultrasound shows it, by way of synthetic MR, and says how far the result can be trusted. Choose the"
            " ultrasound and the MRs, press Register. For research, not approved for clinical use."
        ) + documentation_link("First result: registration in Slicer")
        self.parent.acknowledgementText = acknowledgement() + _(" The direct metric LC2 is that of Wein et al.")

"""X_h: a representation of a patient's brain that does not change with the modality it is seen in.

Tan et al., "Personalize to generalize: Towards a universal medical multi-modality generalization through
personalization" (arXiv 2411.06106, ICCV 2025). Written from the paper; where the paper and the authors' public code
differ, the module that decides says so.
"""
